# The first process of the second machine, until it becomes systemd. inside.sh FOLDER PROJECT [unprivileged]
set -e
dir=$1 project=$2 root=$1/root
if [ "${3:-}" = "" ]; then
  mount -t tmpfs -o size=3g,mode=755 tmpfs "$dir"
  mkdir "$dir"/{upper,work,root,project,project-work}
  mount -t overlay overlay -o "lowerdir=/,upperdir=$dir/upper,workdir=$dir/work" "$root"
else
  # mounts that come from outside are locked, and a locked one cannot become the root
  mount --rbind "$root" "$root"
fi
mount -t proc proc "$root/proc"
# kernel variables belong to the real machine
mount --bind "$root/proc/sys" "$root/proc/sys"
mount -o remount,bind,ro "$root/proc/sys"
mount -t sysfs -o ro sysfs "$root/sys"
mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
mount -t tmpfs -o mode=755 tmpfs "$root/run"
mount -t tmpfs -o mode=1777 tmpfs "$root/tmp"
# a /dev of its own: devices cannot be made in a name space everywhere, so they are bound
mount -t tmpfs -o mode=755 tmpfs "$root/dev"
for name in null zero full random urandom tty; do
  touch "$root/dev/$name"
  mount --bind "/dev/$name" "$root/dev/$name"
done
mkdir "$root/dev/pts" "$root/dev/shm"
mount -t devpts -o newinstance,ptmxmode=0666,mode=620 devpts "$root/dev/pts"
ln -s pts/ptmx "$root/dev/ptmx"
ln -s /proc/self/fd "$root/dev/fd"
mount -t tmpfs -o mode=1777 tmpfs "$root/dev/shm"
ip link set lo up
hostname appliance

# A freshly installed machine: no service of this one is enabled, none of its settings is left.
rm -rf "$root"/etc/systemd/system/*.wants "$root"/etc/systemd/system/*.requires
for unit in systemd-udevd.service systemd-udevd-control.socket systemd-udevd-kernel.socket systemd-udev-trigger.service \
  systemd-sysctl.service systemd-modules-load.service systemd-binfmt.service systemd-timesyncd.service systemd-firstboot.service getty.target; do
  ln -sf /dev/null "$root/etc/systemd/system/$unit"
done
cat >"$root/etc/systemd/system/appliance.target" <<E
[Unit]
Requires=basic.target
After=basic.target
E
: >"$root/etc/fstab"
tr -d - </proc/sys/kernel/random/uuid >"$root/etc/machine-id"
echo appliance >"$root/etc/hostname"
printf '127.0.0.1 localhost appliance stt.example.com\n::1 localhost\n' >"$root/etc/hosts"
rm -rf "$root/var/log/journal" "$root/var/lib/gigastt" "$root/etc/gigastt" "$root/opt/gigastt" "$root/var/lib/caddy/.local"
# Somebody who may use sudo, with a clone of the project in her home.
home=$root/home/anna
mkdir -p "$home"
chroot "$root" useradd --shell /bin/bash --home-dir /home/anna anna
echo 'anna ALL=(ALL) NOPASSWD: ALL' >"$root/etc/sudoers.d/anna"
if [ "${3:-}" = "" ]; then
  mkdir "$home/gigastt"
  mount -t overlay overlay -o "lowerdir=$project,upperdir=$dir/project,workdir=$dir/project-work" "$home/gigastt"
fi
chroot "$root" chown anna: /home/anna /home/anna/gigastt /home/anna/gigastt/gigastt.config.yaml /home/anna/gigastt/deploy

cd "$root"
mkdir -p old
pivot_root . old
umount -l /old
exec env -i container=unshare PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
  /lib/systemd/systemd --system --unit=appliance.target --log-target=journal --show-status=no
