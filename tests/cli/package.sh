# Installs, starts, upgrades, removes and purges the package. As root, in a copy of the machine: an overlay over its root,
# which nobody else sees. Where no overlay can be made, as in a container, on the machine itself, if it has no atelier.
#
#   package.sh FILE.deb
set -eu
same() { [ "$1" = "$2" ] || { echo "$1 is not $2"; exit 1; }; }
there() { for path; do [ -s "$path" ] || { echo "$path is gone"; exit 1; }; done; }
gone() { for path; do [ ! -e "$path" ] || { echo "$path is there"; exit 1; }; done; }

if [ "${2:-}" = inside ]; then
    file=$1
    log=$(mktemp -d)
    dpkg --force-unsafe-io --no-triggers --install "$file" >"$log/installed"
    grep --quiet 'systemctl enable --now atelier' "$log/installed"
    same "$(stat -c '%U:%G %a' /var/lib/atelier)" 'atelier:atelier 700'
    same "$(stat -c '%U:%G %a' /etc/atelier/atelier.toml)" 'root:atelier 640'
    there /usr/share/man/man1/atelier-user-add.1.gz /usr/share/bash-completion/completions/atelier

    # Without triggers: that of man-db reads all man pages of the machine.
    # The server runs as its user with the configuration of the package.
    mkfifo "$log/said"
    cd /
    setpriv --reuid=atelier --regid=atelier --init-groups \
        atelier serve --config /etc/atelier/atelier.toml --listen 127.0.0.1:0 >"$log/said" 2>"$log/log" &
    server=$!
    read -r line <"$log/said" || { cat "$log/log"; exit 1; }
    same "${line%:*}" 'listening on http://127.0.0.1'
    kill $server
    wait $server
    same "$(stat -c %U /var/lib/atelier/atelier.db)" atelier

    # An upgrade keeps what was configured, and does not say again how to begin.
    echo '# ours' >>/etc/atelier/atelier.toml
    dpkg --force-unsafe-io --no-triggers --install "$file" >"$log/upgraded"
    same "$(tail -n 1 /etc/atelier/atelier.toml)" '# ours'
    same "$(grep -c 'systemctl enable' "$log/upgraded")" 0

    dpkg --force-unsafe-io --no-triggers --remove atelier >"$log/removed"
    gone /usr/bin/atelier /usr/lib/systemd/system/atelier.service /usr/share/doc/atelier
    there /etc/atelier/atelier.toml /var/lib/atelier/atelier.db

    dpkg --force-unsafe-io --no-triggers --purge atelier >"$log/purged"
    grep --quiet 'are kept' "$log/purged"
    gone /etc/atelier
    there /var/lib/atelier/atelier.db

    # Without data, nothing is left.
    dpkg --force-unsafe-io --no-triggers --install "$file" >"$log/installed"
    rm -rf /var/lib/atelier/*
    dpkg --force-unsafe-io --no-triggers --purge atelier >"$log/purged"
    gone /etc/atelier /var/lib/atelier /usr/bin/atelier
    rm -r "$log"
    echo 'the package holds'
    exit
fi

if [ "${2:-}" = overlay ]; then
    mount -t tmpfs tmpfs "$3"
    mkdir "$3/upper" "$3/work" "$3/root"
    mount -t overlay overlay -o "lowerdir=/,upperdir=$3/upper,workdir=$3/work" "$3/root"
    for place in proc dev sys; do mount --rbind /$place "$3/root/$place"; done
    # No service manager of the machine is asked for anything.
    mount -t tmpfs tmpfs "$3/root/run"
    mount -t tmpfs -o mode=1777 tmpfs "$3/root/tmp"
    cp "$1" "$3/root/tmp/atelier.deb"
    cp "$0" "$3/root/tmp/package.sh"
    echo 'in a copy of the machine'
    exec chroot "$3/root" sh /tmp/package.sh /tmp/atelier.deb inside
fi

place=$(mktemp -d)
trap 'rmdir "$place"' EXIT
if unshare --mount sh -c 'mount -t tmpfs tmpfs "$1" && mkdir "$1/a" "$1/b" "$1/c" && mount -t overlay overlay \
        -o "lowerdir=/,upperdir=$1/a,workdir=$1/b" "$1/c"' sh "$place"; then
    unshare --mount sh "$0" "$1" overlay "$place"
else
    for taken in /etc/atelier /var/lib/atelier /usr/bin/atelier; do
        if [ -e $taken ]; then
            echo "no overlay can be mounted, and the machine itself has $taken already"
            exit 1
        fi
    done
    sh "$0" "$1" inside
fi
