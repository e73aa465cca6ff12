#!/bin/sh
# install.sh FROM NODE - puts zviz where containerd's section looks for it: from an image's own root to a node's, whose folders are mounted
# below NODE. Says what is left to do, does none of it: a node is restarted by those who run it.
set -eu
from=$1 node=$2

put() { # FILE FOLDER: whole or not at all, also where the old one runs
	cp "$1" "$2/.${1##*/}.new"
	chmod 755 "$2/.${1##*/}.new"
	mv -f "$2/.${1##*/}.new" "$2/${1##*/}"
}

# Where zviz looks for its helpers; they come first, so that no new zviz meets old ones.
put "$from/usr/libexec/zviz/zviz-net" "$node/usr/libexec/zviz"
put "$from/usr/libexec/zviz/zviz-scope" "$node/usr/libexec/zviz"
put "$from/usr/bin/zviz" "$node/usr/local/bin"
if [ -d "$node/etc/containerd/conf.d" ]; then
	cp "$from/usr/share/doc/zviz/examples/containerd/config-2.toml" "$node/etc/containerd/conf.d/zviz.toml.new"
	mv -f "$node/etc/containerd/conf.d/zviz.toml.new" "$node/etc/containerd/conf.d/zviz.toml"
	echo 'containerd: /etc/containerd/conf.d/zviz.toml is there; /etc/containerd/config.toml has to import it (version 2 and later)'
else
	echo 'containerd: there is no /etc/containerd/conf.d; add the sections of config-1.7.toml to /etc/containerd/config.toml'
fi
echo 'then: drain the node, systemctl restart containerd, kubectl label node NAME zviz.io/runtime=true'
