#!/usr/bin/env bash
# Builds Traefik for its contract suite into /usr/local/bin/traefik. Not part of tools.sh: about seven minutes on two cores. The module cannot be
# installed with `go install` (its go.mod has replace lines), and its DNS providers, which no suite uses, are most of what it downloads.
set -eu
version=v3.6.12
/usr/local/bin/traefik version 2>/dev/null | grep -q "${version#v}" && exit 0
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
export GOFLAGS='-mod=mod -p=2'
folder() { go mod download -json "$1" | sed -n 's/.*"Dir": "\(.*\)".*/\1/p'; }
cd "$tmp"
cp -r "$(folder "github.com/traefik/traefik/v3@$version")" traefik
chmod -R u+w traefik
cd traefik
# The page of its dashboard is not in the module.
mkdir -p webui/static
touch webui/static/index.html
lego=$(grep -om1 'github.com/go-acme/lego/v[0-9]* v[0-9.]*' go.mod)
cp -r "$(folder "${lego/ /@}")" lego
chmod -R u+w lego
cat >lego/providers/dns/zz_gen_dns_providers.go <<GO
package dns

import (
	"fmt"

	"${lego% *}/challenge"
)

// NewDNSChallengeProviderByName knows no provider.
func NewDNSChallengeProviderByName(name string) (challenge.Provider, error) {
	return nil, fmt.Errorf("built without DNS providers: %s", name)
}
GO
go mod edit -replace "${lego% *}=./lego"
go build -trimpath -ldflags "-s -w -X github.com/traefik/traefik/v3/pkg/version.Version=${version#v}" -o "$tmp/bin" ./cmd/traefik
install -m 0755 "$tmp/bin" /usr/local/bin/traefik
