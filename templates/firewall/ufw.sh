#!/bin/sh
# Run as root: sh gigastt-ufw.sh
set -eu
ufw default deny incoming
ufw allow {{ sshPort }}/tcp
{{# rules }}
{{# from }}
ufw allow from {{ from }} to any port {{ port }} proto {{ proto }}
{{/ from }}
{{^ from }}
ufw allow {{ port }}/{{ proto }}
{{/ from }}
{{/ rules }}
ufw --force enable
{{# docker }}

# ufw never sees ports that Docker publishes: they are filtered in DOCKER-USER, which Docker leaves alone.
# The rules are gone after a reboot: run this script again from a unit ordered After=docker.service.
for tables in iptables ip6tables; do
    "$tables" -N DOCKER-USER 2>/dev/null || "$tables" -F DOCKER-USER
    "$tables" -A DOCKER-USER -m conntrack --ctstate ESTABLISHED,RELATED -j RETURN
    "$tables" -A DOCKER-USER -i docker0 -j RETURN
    "$tables" -A DOCKER-USER -i br-+ -j RETURN
done
{{# dockerRules }}
{{ tables }} -A DOCKER-USER -m conntrack --ctstate DNAT --ctorigdstport {{ port }} -p {{ proto }}{{# from }} -s {{ from }}{{/ from }} -j RETURN
{{/ dockerRules }}
for tables in iptables ip6tables; do
    "$tables" -A DOCKER-USER -m conntrack --ctstate DNAT -j DROP
    "$tables" -A DOCKER-USER -j RETURN
done
{{/ docker }}
