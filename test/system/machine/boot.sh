#!/bin/bash
# Starts a second machine on this one: an overlay of its disk, its own processes, network (loopback only), host name and control
# groups, and systemd as process 1. Nothing it writes reaches the disk. boot.sh FOLDER PROJECT
set -e
mkdir -p "$1"
group=/sys/fs/cgroup/unified
[ -d $group ] || group=/sys/fs/cgroup
mkdir -p "$group/$(basename "$1")"
echo $$ >"$group/$(basename "$1")/cgroup.procs"
exec unshare --mount --pid --fork --uts --ipc --cgroup --net --propagation private --kill-child bash "$(dirname "$0")/inside.sh" "$@"
