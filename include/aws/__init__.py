"""AWS: the one place that makes its clients and tells what they refuse; policies of its roles lie beside."""
