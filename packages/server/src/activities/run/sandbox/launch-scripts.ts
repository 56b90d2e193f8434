/**
 * The two shell programs that stand between the server and what a workflow runs. Nothing is ever put into their text:
 * what differs comes as positional parameters (ours) and over descriptors (the workflow's, read only once privileges
 * are gone).
 */

/**
 * Runs first inside new namespaces, as their root and as process 1. Builds a root of its own – a tmpfs with read-only
 * views of the system's programs and libraries, and nothing else of the machine – moves into it, takes its limits,
 * drops its privileges and runs {@link ENTER} there. When that ends, this ends, and the kernel kills all that is left.
 *
 * Parameters: an existing folder to mount on, size in bytes, uid, gid, who keeps supplementary groups, Node.js,
 * `network` or nothing, folders of further programs joined with colons, then the limits as flags of prlimit, `--`, and the parameters of {@link ENTER}.
 */
export const BUILD = `set -eu
root=$1 size=$2 uid=$3 gid=$4 groups=$5 node=$6 network=$7 programs=$8
shift 8
mount -t tmpfs -o "size=$size,nr_inodes=65536,mode=0755,nosuid,nodev" millrace "$root"
cd "$root"
mkdir -p usr etc dev/shm proc tmp work opt/millrace .old
chmod 1777 tmp dev/shm
chmod 0700 work
chown "$uid:$gid" work
view() {
  [ -e "$1" ] || return 0
  if [ -d "$1" ]; then mkdir -p "./$2"; else mkdir -p "./\${2%/*}"; : >"./$2"; fi
  mount --bind "$1" "./$2"
  mount -o remount,bind,ro,nosuid,nodev "./$2"
}
view /usr usr
for name in bin sbin lib lib32 lib64 libx32; do
  if [ -L "/$name" ]; then cp -P "/$name" "$name"; else view "/$name" "$name"; fi
done
for name in ld.so.cache ld.so.conf ld.so.conf.d alternatives localtime mime.types python3 ssl/certs ca-certificates; do
  view "/etc/$name" "etc/$name"
done
if [ "$network" = network ]; then
  for name in resolv.conf hosts nsswitch.conf services gai.conf; do view "/etc/$name" "etc/$name"; done
fi
printf 'root:x:0:0:root:/:/bin/false\\nrunner:x:%s:%s:runner:/work:/bin/sh\\n' "$uid" "$gid" >etc/passwd
printf 'root:x:0:\\nrunner:x:%s:\\n' "$gid" >etc/group
for name in null zero full random urandom; do
  : >"dev/$name"
  mount --bind "/dev/$name" "dev/$name"
done
ln -s /proc/self/fd dev/fd
ln -s /proc/self/fd/0 dev/stdin
ln -s /proc/self/fd/1 dev/stdout
ln -s /proc/self/fd/2 dev/stderr
view "$node" opt/millrace/node
set -f
IFS=:
for folder in $programs; do view "$folder" "\${folder#/}"; done
unset IFS
set +f
mount -t proc -o nosuid,nodev,noexec proc proc
pivot_root . .old
cd /
umount -l .old
rmdir .old
flags=
while [ "$1" != -- ]; do flags="$flags $1"; shift; done
shift
cd work
# A new shell, for a shell remarks on how its child ended on the standard error that it began with.
exec /bin/sh -c '(exec "$@" 2>&5 5>&-); exit $?' sh prlimit $flags -- \\
  setpriv --reuid "$uid" --regid "$gid" "$groups" --inh-caps=-all --bounding-set=-all --no-new-privs -- \\
  /bin/sh "$@" 5>&2 2>/dev/null
`;

/**
 * Runs last, without privileges and with its limits, in the working folder: takes the environment, the command and its
 * arguments from descriptor 3 (a shell program that only exports and sets), the file to put down from descriptor 4, says
 * on descriptor 3 that it got here, and becomes the command.
 *
 * When the machine runs out of memory the kernel takes this first, not the server.
 *
 * Parameter: the name of the file, or nothing.
 */
export const ENTER = `umask 077
[ ! -e /proc/self/oom_score_adj ] || echo 1000 >/proc/self/oom_score_adj
[ -z "$1" ] || cat <&4 >"$1" || exit 125
eval "$(cat <&3)"
echo ready >&3
exec 3<&- 4<&-
unset OLDPWD
exec "$@"
`;
