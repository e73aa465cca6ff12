#include "table/table.h"

/* clang-format off */
#define JAVA(release)                                                                              \
	{ "/etc/java-" release "-openjdk/jvm-amd64.cfg", ETC_COPY },                               \
	{ "/etc/java-" release "-openjdk/jvm-aarch64.cfg", ETC_COPY },                             \
	{ "/etc/java-" release "-openjdk/logging.properties", ETC_COPY },                          \
	{ "/etc/java-" release "-openjdk/net.properties", ETC_COPY },                              \
	{ "/etc/java-" release "-openjdk/psfontj2d.properties", ETC_COPY },                        \
	{ "/etc/java-" release "-openjdk/jfr", ETC_BIND },                                         \
	{ "/etc/java-" release "-openjdk/security", ETC_BIND }
/* clang-format on */

/*
 * The rule for a row: a program in common use fails or misbehaves without it, and nobody keeps a
 * secret in it.
 *
 * Left out on purpose: passwd, group, hosts, hostname and resolv.conf are made up for each
 * container. profile, profile.d, environment, bash.bashrc and zsh often export proxies with
 * their passwords. gitconfig, npmrc, pip.conf, wgetrc, netrc, maven/settings.xml, php.ini and
 * odbc.ini can hold tokens. fstab can hold a share's credentials. machine-id identifies the host
 * and is confidential (machine-id(5)). ssl/private and pki/tls/private hold keys, and so
 * java-*-openjdk, whose management folder takes jmxremote.password, is not shown whole. /var is
 * not shown at all.
 */
const struct etc_entry etc_entries[] = {
	/* The dynamic loaders of glibc and musl, and what /usr/bin points to. */
	{ "/etc/ld.so.cache", ETC_COPY },
	{ "/etc/ld.so.conf", ETC_COPY },
	{ "/etc/ld.so.conf.d", ETC_BIND },
	{ "/etc/ld-musl-x86_64.path", ETC_COPY },
	{ "/etc/ld-musl-aarch64.path", ETC_COPY },
	{ "/etc/alternatives", ETC_BIND },

	/* Name services: where to look, and the well-known numbers. */
	{ "/etc/nsswitch.conf", ETC_COPY },
	{ "/etc/host.conf", ETC_COPY },
	{ "/etc/gai.conf", ETC_COPY },
	{ "/etc/protocols", ETC_COPY },
	{ "/etc/services", ETC_COPY },
	{ "/etc/rpc", ETC_COPY },
	{ "/etc/ethertypes", ETC_COPY },
	{ "/etc/shells", ETC_COPY },

	/* TLS: public certificates, and the libraries' defaults (Debian, then Fedora). */
	{ "/etc/ssl/certs", ETC_BIND },
	{ "/etc/ssl/cert.pem", ETC_COPY },
	{ "/etc/ssl/openssl.cnf", ETC_COPY },
	{ "/etc/ssl/ct_log_list.cnf", ETC_COPY },
	{ "/etc/gnutls/config", ETC_COPY },
	{ "/etc/crypto-policies", ETC_BIND },
	{ "/etc/pki/tls/certs", ETC_BIND },
	{ "/etc/pki/tls/cert.pem", ETC_COPY },
	{ "/etc/pki/tls/openssl.cnf", ETC_COPY },
	{ "/etc/pki/ca-trust/extracted", ETC_BIND },
	{ "/etc/pki/java", ETC_BIND },

	/* Time, language, terminal, fonts, kinds of files. */
	{ "/etc/localtime", ETC_COPY },
	{ "/etc/timezone", ETC_COPY },
	{ "/etc/locale.alias", ETC_COPY },
	{ "/etc/locale.conf", ETC_COPY },
	{ "/etc/inputrc", ETC_COPY },
	{ "/etc/terminfo", ETC_BIND },
	{ "/etc/fonts", ETC_BIND },
	{ "/etc/mime.types", ETC_COPY },
	{ "/etc/mailcap", ETC_COPY },
	{ "/etc/magic", ETC_COPY },
	{ "/etc/magic.mime", ETC_COPY },
	{ "/etc/xattr.conf", ETC_COPY },
	{ "/etc/mtab", ETC_COPY },

	/* Which distribution this is: configure scripts ask. */
	{ "/etc/os-release", ETC_COPY },
	{ "/etc/lsb-release", ETC_COPY },
	{ "/etc/debian_version", ETC_COPY },
	{ "/etc/redhat-release", ETC_COPY },
	{ "/etc/fedora-release", ETC_COPY },
	{ "/etc/system-release", ETC_COPY },
	{ "/etc/alpine-release", ETC_COPY },
	{ "/etc/arch-release", ETC_COPY },

	/* Compilers, interpreters and build tools that keep a part of themselves here. */
	{ "/etc/perl", ETC_BIND },
	{ "/etc/python3", ETC_BIND },
	{ "/etc/python3.9", ETC_BIND },
	{ "/etc/python3.10", ETC_BIND },
	{ "/etc/python3.11", ETC_BIND },
	{ "/etc/python3.12", ETC_BIND },
	{ "/etc/python3.13", ETC_BIND },
	{ "/etc/python3.14", ETC_BIND },
	JAVA("8"),
	JAVA("11"),
	JAVA("17"),
	JAVA("21"),
	JAVA("25"),
	{ "/etc/maven/m2.conf", ETC_COPY },
	{ "/etc/maven/logging", ETC_BIND },
	{ "/etc/clang", ETC_BIND },
	{ "/etc/gnucobol", ETC_BIND },
	{ "/etc/fpc.cfg", ETC_COPY },
	{ "/etc/fpc-3.2.2.cfg", ETC_COPY },
	{ "/etc/ocamlfind.conf", ETC_COPY },
	{ "/etc/dotnet/install_location", ETC_COPY },
	{ "/etc/R/ldpaths", ETC_COPY },
	{ "/etc/R/Makeconf", ETC_COPY },
	{ "/etc/R/Renviron", ETC_COPY },
	{ "/etc/R/repositories", ETC_COPY },
	{ "/etc/dpkg/origins", ETC_BIND },
	{ "/etc/mke2fs.conf", ETC_COPY },

	/* Documents and images: catalogues, macros, limits. */
	{ "/etc/xml", ETC_BIND },
	{ "/etc/sgml", ETC_BIND },
	{ "/etc/texmf", ETC_BIND },
	{ "/etc/groff", ETC_BIND },
	{ "/etc/ghostscript", ETC_BIND },
	{ "/etc/ImageMagick-6", ETC_BIND },
	{ "/etc/ImageMagick-7", ETC_BIND },

	/* Editors' defaults. */
	{ "/etc/vim", ETC_BIND },
	{ "/etc/nanorc", ETC_COPY },
	{ 0 }
};
