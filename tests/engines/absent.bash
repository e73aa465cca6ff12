# What setup_file misses, each test says: bats 1.8 takes a skip there for a failure.
# In setup_file: absent 'podman is not installed' && return

absent() { export absent=$1; }

setup() { [ -z "${absent:-}" ] || skip "$absent"; }
