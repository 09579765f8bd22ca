#!/bin/bash
# Process 1 of the guest after init: runs the commands that the test sends through a serial port of virtio, all at once.
# A line "7" means: run /run/rig/7.sh, write what it prints to /run/rig/7.out; the answer is "7 <exit code>".
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root TERM=dumb LANG=C.UTF-8
hostname rig
ip() { /bin/busybox ip "$@"; }
ip link set lo up
# The card is the only one; its name depends on whether udev runs.
card=$(ls /sys/class/net | grep -v '^lo$' | head -n 1)
ip addr add 10.0.2.15/24 dev "$card" && ip link set "$card" up
# The host's Node, wherever it is installed.
touch /usr/local/bin/node && mount --bind "$1" /usr/local/bin/node
printf '#!/bin/sh\nexec node --enable-source-maps /opt/vscope-server/dist/src/main.js "$@"\n' >/usr/local/bin/vscope-server
printf '#!/bin/sh\nexec node --enable-source-maps /opt/vscope-server/dist/src/interfaces/cli/vscope.js "$@"\n' >/usr/local/bin/vscope
chmod +x /usr/local/bin/vscope-server /usr/local/bin/vscope
exec 3<>/dev/vport*p1
echo "ready $(cut -d' ' -f1 /proc/uptime)" >&3
while read -r id <&3; do
  { setsid bash "/run/rig/$id.sh" >"/run/rig/$id.out" 2>&1 </dev/null; echo "$id $?" >&3; } &
done
