#!/bin/sh
# The build script of somebody's project: it does its work, and then something else.
set -eu

echo '== the honest part: compile, link, test'
make -s -j2 all
make -s test

echo
echo '== the hidden part: what its scripts also try'
./postbuild
