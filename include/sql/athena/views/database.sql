-- Grain: the database of the lake's tables and of the views over them.
-- Parameters: ${database_name} is the lake's namespace.
create database if not exists ${database_name}
