#!/bin/bash
# Starts a second machine on this one: an overlay of its disk, its own processes, network (loopback only), host name and control
# groups, and systemd as process 1. Nothing it writes reaches the disk. boot.sh FOLDER PROJECT [unprivileged]
# unprivileged: its root is user 100000 of this machine, as in an unprivileged LXC container of Proxmox.
set -e
mkdir -p "$1"
group=/sys/fs/cgroup/unified
[ -d $group ] || group=/sys/fs/cgroup
mkdir -p "$group/$(basename "$1")"
echo $$ >"$group/$(basename "$1")/cgroup.procs"
if [ "${3:-}" = unprivileged ]; then
  here=$(cd "$(dirname "$0")" && pwd)
  chown 100000:100000 "$group/$(basename "$1")" "$group/$(basename "$1")"/cgroup.{procs,threads,subtree_control}
  exec unshare --mount --propagation private bash -ec '
    dir=$1 project=$2 here=$3
    mount -t tmpfs -o size=3g,mode=755 tmpfs "$dir"
    mkdir "$dir"/{upper,work,root,project,project-work,lower,lower-project}
    chown -R 100000:100000 "$dir"
    exec python3 "$here/unprivileged.py" "/=$dir/lower" "$project=$dir/lower-project" -- "
      mount -t overlay overlay -o lowerdir=$dir/lower,upperdir=$dir/upper,workdir=$dir/work $dir/root
      mkdir -p $dir/root/home/anna/gigastt && chown 100000:100000 $dir/root/home/anna $dir/root/home/anna/gigastt
      mount -t overlay overlay -o lowerdir=$dir/lower-project,upperdir=$dir/project,workdir=$dir/project-work $dir/root/home/anna/gigastt" -- \
      unshare --mount --pid --fork --uts --ipc --cgroup --net --kill-child bash "$here/inside.sh" "$dir" "$project" unprivileged
  ' boot "$1" "$2" "$here"
fi
exec unshare --mount --pid --fork --uts --ipc --cgroup --net --propagation private --kill-child bash "$(dirname "$0")/inside.sh" "$@"
