#!/bin/sh
# Installs gigastt from this folder, without a network: sh install.sh [FOLDER]
# Default: /opt/gigastt as root, else ~/.local/opt/gigastt. Run it again to upgrade.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
machine="Linux {{ machine }}"
if [ "$(uname -s) $(uname -m)" != "$machine" ]; then
  echo "install.sh: this bundle is for $machine, this machine is $(uname -s) $(uname -m). Make one there with: gigastt bundle" >&2
  exit 1
fi
cd "$here"
if ! sha256sum -c SHA256SUMS >/dev/null; then
  echo "install.sh: files differ from SHA256SUMS. Copy the bundle again." >&2
  exit 1
fi
if [ "$(id -u)" = 0 ]; then default=/opt/gigastt; else default=$HOME/.local/opt/gigastt; fi
to=${1:-$default}
mkdir -p "$to/bin"
rm -rf "$to/app.new" "$to/app.old"
cp -R app "$to/app.new"
cp node "$to/bin/node.new"
chmod 755 "$to/bin/node.new"
mv -f "$to/bin/node.new" "$to/bin/node"
if [ -d "$to/app" ]; then mv "$to/app" "$to/app.old"; fi
mv "$to/app.new" "$to/app"
rm -rf "$to/app.old"
cat > "$to/bin/gigastt" <<'LAUNCHER'
#!/bin/sh
here=$(dirname "$(readlink -f "$0")")
exec "$here/node" "$here/../app/bin/gigastt.js" "$@"
LAUNCHER
chmod 755 "$to/bin/gigastt"
{{# pulled }}
"$to/bin/gigastt" models pull {{ id }} --precision {{ precision }} --from "$here/models/{{ id }}" --offline
{{/ pulled }}
{{# imported }}
"$to/bin/gigastt" models list | grep -q " {{ id }} " || "$to/bin/gigastt" models import "$here/models/{{ id }}"
{{/ imported }}
echo "gigastt {{ version }} is installed in $to. Start it with: $to/bin/gigastt up"
