# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Sourced by scripts/kernels.sh: finds and downloads packages of Debian, those of
# the backports too, without installing any and without changing what this machine
# would install. The caller has KTM_CACHE and die().

apt_state=$KTM_CACHE/apt
keyring=/usr/share/keyrings/debian-archive-keyring.gpg

# apt with a state of its own, so that neither the backports nor fresher lists
# change what this machine would install. Proxy and credentials stay those of
# the machine's configuration.
private=(
	-o "Dir::State::lists=$apt_state/lists"
	-o "Dir::Cache=$apt_state/cache"
	-o "Dir::Etc::preferences=/dev/null"
	-o "Dir::Etc::preferencesparts=/dev/null"
	-o "APT::Sandbox::User=$(id -un)"
	-o "Acquire::Languages=none"
	-o "Acquire::Retries=3"
)
backports=(
	-o "Dir::Etc::sourcelist=$apt_state/sources.list"
	-o "Dir::Etc::sourceparts=/dev/null"
)

# The archives that this machine already uses: ORIGIN|CODENAME|URI|SUITE|COMPONENT
list_archives() {
	apt-get "$@" indextargets 'Created-By: Packages' \
		--format '$(ORIGIN)|$(CODENAME)|$(REPO_URI)|$(RELEASE)|$(COMPONENT)' |
		awk -F'|' '$1 == "Debian" && $5 == "main"' | sort -u
}

apt_is_ready=
prepare_apt() {
	local archives origin codename uri suite component release

	[ -z "$apt_is_ready" ] || return 0
	mkdir -p "$apt_state/lists/partial" "$apt_state/cache/archives/partial"

	archives=$(list_archives)
	if [ -z "$archives" ]; then
		# A machine whose package lists were removed: fetch our own.
		apt-get -q "${private[@]}" update >&2 </dev/null
		archives=$(list_archives "${private[@]}")
	fi
	[ -n "$archives" ] || die "apt knows no archive of Debian on this machine"

	release=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")
	[ -n "$release" ] || die "/etc/os-release does not say which release this is"

	while IFS='|' read -r origin codename uri suite component; do
		echo "deb [signed-by=$keyring] $uri $suite $component"
		[ "$codename" != "$release" ] ||
			echo "deb [signed-by=$keyring] $uri $release-backports $component"
	done <<<"$archives" | sort -u >"$apt_state/sources.list"

	apt-get -q "${private[@]}" "${backports[@]}" update >"$apt_state/update.log" 2>&1 </dev/null || {
		cat "$apt_state/update.log" >&2
		die "apt-get update failed for Debian's archives and its backports"
	}
	apt_is_ready=yes
}

# The newest version of a package whose upstream part belongs to a series.
newest_version() {
	local package=$1 series=$2 version best=

	while read -r version; do
		case $version in
		"$series".*)
			if [ -z "$best" ] || dpkg --compare-versions "$version" gt "$best"; then
				best=$version
			fi
			;;
		esac
	done < <(apt-cache "${private[@]}" "${backports[@]}" madison "$package" |
		 awk -F' *[|] *' '{ print $2 }')
	[ -n "$best" ] || die "Debian's archives have no $package of version $series"
	echo "$best"
}

# The packages that PACKAGE=VERSION depends on, narrowed by a pattern.
depends_on() {
	apt-cache "${private[@]}" "${backports[@]}" show --no-all-versions "$1" |
		sed -n 's/^Depends: //p' | tr ',' '\n' | sed -e 's/^ *//' -e 's/[ (].*//' |
		grep -E "$2" | head -n 1
}

# Put packages, each as PACKAGE=VERSION, into a directory.
download() {
	local dir=$1

	shift
	mkdir -p "$dir"
	(cd "$dir" && apt-get -q "${private[@]}" "${backports[@]}" download "$@") \
		>"$dir/log" 2>&1 </dev/null || {
		cat "$dir/log" >&2
		die "could not download $*"
	}
}
