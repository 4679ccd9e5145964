#!/bin/sh
# Installs, updates or removes a NESON Terminal:
#   curl -fsSL https://ROUTER/install.sh | sh
#   curl -fsSL https://ROUTER/install.sh | sh -s -- --quota 100GB --endpoint http://my-server.example.net:8090
#   curl -fsSL https://ROUTER/install.sh | sh -s -- --uninstall
# Everything is in functions that the last line calls, so that half a download does nothing.
set -eu

default_router='@ROUTER_URL@'
service=neson-terminal.service

usage() {
  cat <<'TEXT'
Installs a NESON Terminal, or updates the one that is there. As root: for the whole system, under a user of its own ("neson").
Otherwise: in your home directory. What is asked can be given beforehand:

  --quota SIZE         disk space to lend, such as 100GB
  --endpoint URL       URL at which viewers reach this machine, such as http://my-server.example.net:8090
  --data DIR           where objects and the Terminal's key are kept
  --listen-host HOST   address to serve on (0.0.0.0: all)
  --listen-port PORT   port to serve on (8090)
  --panel-port PORT    port of the operator's page on 127.0.0.1
  --memory SIZE        memory for objects that are asked for often
  --router URL         the Router to join, and to download from
  --router-key HEX     the only Router key to believe
  --small              for small boards
Each has an environment name too: NESON_TERMINAL_QUOTA, NESON_TERMINAL_ENDPOINT and so on.

  --sha256 HEX         accept only the program with this checksum, learned elsewhere
  --yes                ask nothing
  --user, --system     install for you alone, or for the whole system (needs root)
  --root DIR           with --system: write below DIR, for building disk images; nothing is started
  --no-start           install, but start nothing
  --run                when there is no systemd: run it here, until Ctrl-C
  --uninstall          remove it; asks before it removes data
  --purge              with --uninstall: remove data and the Terminal's key without asking
TEXT
}

say() { printf '%s\n' "install: $*" >&2; }
fail() {
  say "$*"
  exit 1
}
have() { command -v "$1" >/dev/null 2>&1; }

# Settings by their environment names, without the prefix NESON_TERMINAL_.
setting_names='ROUTER ROUTER_KEY DATA QUOTA LISTEN_HOST LISTEN_PORT ENDPOINT PANEL_PORT MEMORY SMALL'

read_options() {
  action=install scope='' root='' starts=yes runs=no asks=yes purges=no wanted_sha256=''
  while [ $# -gt 0 ]; do
    case $1 in
      --help | -h) usage; exit 0 ;;
      --user) scope=user ;;
      --system) scope=system ;;
      --yes) asks=no ;;
      --no-start) starts=no ;;
      --run) runs=yes ;;
      --uninstall) action=uninstall ;;
      --purge) purges=yes ;;
      --small) take_value --small true ;;
      --root | --sha256 | --router | --router-key | --data | --quota | --listen-host | --listen-port | --endpoint | --panel-port | --memory)
        [ $# -ge 2 ] || fail "option $1: found nothing, needed: a value; see --help"
        take_value "$1" "$2"
        shift
        ;;
      *) fail "option $1 is not known; see --help" ;;
    esac
    shift
  done
}

# --listen-port is kept as NESON_TERMINAL_LISTEN_PORT, and so on.
take_value() {
  case $1 in
    --root) root=${2%/} ;;
    --sha256) wanted_sha256=$2 ;;
    *) eval "NESON_TERMINAL_$(printf '%s' "${1#--}" | tr a-z- A-Z_)=\$2" ;;
  esac
}

choose_places() {
  if [ -z "$scope" ]; then
    if [ "$(id -u)" -eq 0 ]; then scope=system; else scope=user; fi
  fi
  if [ "$scope" = system ]; then
    [ "$(id -u)" -eq 0 ] || [ -n "$root" ] || fail 'installing for the whole system needs root; leave out --system, or use sudo'
    binary=/usr/local/bin/neson
    settings=/etc/neson/terminal.env
    unit=/etc/systemd/system/$service
    default_data=/var/lib/neson/terminal
  else
    [ -z "$root" ] || fail 'option --root goes with --system'
    case ${HOME:-} in /*) ;; *) fail 'HOME is not set to your home directory' ;; esac
    binary=$HOME/.local/bin/neson
    settings=$HOME/.config/neson/terminal.env
    unit=$HOME/.config/systemd/user/$service
    default_data=$HOME/.local/share/neson/terminal
  fi
}

# Why a system is refused is worth more than "not found" in the middle of the installation.
find_platform() {
  case "$(uname -s) $(uname -m)" in
    'Linux x86_64' | 'Linux amd64') platform=linux-x64 ;;
    'Linux aarch64' | 'Linux arm64') platform=linux-arm64 ;;
    'Darwin arm64') platform=darwin-arm64 ;;
    *) fail "found $(uname -s) on $(uname -m); there are programs for Linux on x86_64 and arm64, macOS on arm64, and Windows on x64 (install.ps1)" ;;
  esac
}

# A setting as the file has it; empty when it has none.
stored() {
  [ ! -f "$root$settings" ] || sed -n "s/^NESON_TERMINAL_$1=\"\\(.*\\)\"\$/\\1/p" "$root$settings" | tail -n 1
}

# The settings file is read by systemd and by a shell: what means something to either inside double quotes is refused.
check_setting() {
  case $2 in
    *[\"\\\$\`]*) fail "setting $1: found $2, allowed: no quotation marks, backslashes, dollar signs or backquotes" ;;
  esac
  [ "$(printf '%s' "$2" | LC_ALL=C tr -d '\000-\037\177')" = "$2" ] || fail "setting $1: found control characters, allowed: none"
}

# A flag or the environment beats what an earlier run wrote; each becomes known as setting_NAME.
collect_settings() {
  for name in $setting_names; do
    eval "value=\${NESON_TERMINAL_$name:-}"
    [ -n "$value" ] || value=$(stored "$name")
    check_setting "NESON_TERMINAL_$name" "$value"
    eval "setting_$name=\$value"
  done
  setting_ROUTER=${setting_ROUTER%/}
  : "${setting_ROUTER:=$default_router}" "${setting_DATA:=$default_data}" "${setting_LISTEN_PORT:=8090}"
  case $setting_DATA in /*) ;; *) fail "option --data: found $setting_DATA, allowed: a path that begins with /" ;; esac
  case $setting_LISTEN_PORT in *[!0-9]*) fail "option --listen-port: found $setting_LISTEN_PORT, allowed: a port number" ;; esac
  if [ "$scope" = system ]; then
    case $setting_DATA in *[!A-Za-z0-9._/-]*) fail "option --data: found $setting_DATA, allowed: letters, digits and . _ - /" ;; esac
  elif [ "$setting_LISTEN_PORT" -lt 1024 ] && [ "$setting_LISTEN_PORT" -gt 0 ] && [ "$(id -u)" -ne 0 ]; then
    fail "option --listen-port: found $setting_LISTEN_PORT; ports below 1024 need an installation by root"
  fi
}

can_ask() { [ "$asks" = yes ] && (: </dev/tty) 2>/dev/null; }

# The script itself comes through standard input, so a person answers at /dev/tty.
ask() {
  answer=''
  if can_ask; then
    printf '%s [%s] ' "$1" "$2" >/dev/tty
    read -r answer </dev/tty || answer=''
  fi
  [ -n "$answer" ] || answer=$2
}

ask_settings() {
  if [ -z "$setting_QUOTA" ]; then
    ask 'How much disk space may the network use?' 10GiB
    setting_QUOTA=$answer
    check_setting NESON_TERMINAL_QUOTA "$answer"
  fi
  if [ -z "$setting_ENDPOINT" ] && [ -z "$setting_LISTEN_HOST" ]; then
    guessed=$(guess_address)
    ask 'At which URL do viewers reach this machine?' "http://${guessed:-127.0.0.1}:$setting_LISTEN_PORT"
    setting_ENDPOINT=$answer
    check_setting NESON_TERMINAL_ENDPOINT "$answer"
    setting_LISTEN_HOST=0.0.0.0
    say "viewers are told to come to $setting_ENDPOINT; if that is wrong, run this again with --endpoint"
  fi
}

# The address from which this machine reaches others; asking for the route sends nothing.
guess_address() {
  if have ip; then ip -4 route get 192.0.2.1 2>/dev/null | sed -n 's/.* src \([0-9.]*\).*/\1/p' | head -n 1; fi
}

fetch() {
  if have curl; then
    curl -fsSL --proto '=http,https' --connect-timeout 20 --retry 2 --max-filesize 1073741824 -o "$2" "$1"
  elif have wget; then
    wget -q -T 60 -O "$2" "$1"
  else
    fail 'needed: curl or wget'
  fi || fail "downloading $1 failed"
}

sha256_of() {
  if have sha256sum; then sha256sum <"$1" | cut -d ' ' -f 1
  elif have shasum; then shasum -a 256 <"$1" | cut -d ' ' -f 1
  elif have openssl; then openssl dgst -sha256 <"$1" | sed 's/.*= *//'
  else fail 'needed to check the download: sha256sum, shasum or openssl'; fi
}

download() {
  case $setting_ROUTER in http://* | https://*) ;; *) fail "option --router: found $setting_ROUTER, allowed: the http or https URL of a Router" ;; esac
  # The script's own Router knows the newest program; --router names another.
  base=${NESON_TERMINAL_ROUTER:-$default_router}
  case $base in http*) base=${base%/} ;; *) base=$setting_ROUTER ;; esac
  fetch "$base/download/SHA256SUMS" "$work/SHA256SUMS"
  file=neson-$platform
  listed=$(awk -v file="$file" '$2 == file && length($1) == 64 { print $1; exit }' "$work/SHA256SUMS")
  [ -n "$listed" ] || fail "$base has no program for $platform"
  fetch "$base/download/$file" "$work/neson"
  found=$(sha256_of "$work/neson")
  [ "$found" = "$listed" ] || fail "refused: the downloaded program has SHA-256 $found, announced is $listed; nothing was installed"
  [ -z "$wanted_sha256" ] || [ "$found" = "$wanted_sha256" ] || fail "refused: the downloaded program has SHA-256 $found, wanted is $wanted_sha256; nothing was installed"
}

# The new program is tried beside its place, then renamed into it: what runs is never half a file.
place_binary() {
  mkdir -p "$root${binary%/*}"
  fresh=$root$binary.new
  cp "$work/neson" "$fresh"
  chmod 755 "$fresh"
  if [ -z "$root" ]; then
    version=$("$fresh" --version) || fail "the program for $platform does not start here (an old CPU, or a system without glibc?); nothing was installed"
  else
    version=unknown
  fi
  if [ -f "$root$binary" ] && ! cmp -s "$fresh" "$root$binary"; then ln -f "$root$binary" "$root$binary.previous" 2>/dev/null || :; fi
  mv -f "$fresh" "$root$binary"
  fresh=''
}

write_settings() {
  mkdir -p "$root${settings%/*}"
  {
    printf '%s\n' '# Settings of the NESON Terminal, each with the environment name that "neson terminal run --help" lists.' \
      '# Restart the Terminal after a change.'
    [ ! -f "$root$settings" ] || grep '^[A-Z][A-Z0-9_]*=' "$root$settings" | grep -Ev "^NESON_TERMINAL_($(printf '%s' "$setting_names" | tr ' ' '|'))=" || :
    for name in $setting_names; do
      eval "value=\$setting_$name"
      [ -z "$value" ] || printf 'NESON_TERMINAL_%s="%s"\n' "$name" "$value"
    done
  } >"$work/settings"
  cp "$work/settings" "$root$settings.new"
  chmod 600 "$root$settings.new"
  mv -f "$root$settings.new" "$root$settings"
}

unit_head() {
  cat <<'TEXT'
[Unit]
Description=NESON Terminal
After=network-online.target
Wants=network-online.target
StartLimitIntervalSec=0

[Service]
Type=exec
Restart=on-failure
RestartSec=5
TimeoutStopSec=60
LimitNOFILE=65536
OOMScoreAdjust=500
UMask=0077
TEXT
}

# No MemoryDenyWriteExecute: the program compiles as it runs. What needs namespaces is left to the system unit, as
# users may not be allowed any.
unit_limits() {
  cat <<'TEXT'
NoNewPrivileges=yes
LockPersonality=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
RestrictNamespaces=yes
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX AF_NETLINK
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallFilter=~@privileged @resources
SystemCallErrorNumber=EPERM
TEXT
}

user_unit() {
  unit_head
  unit_limits
  cat <<'TEXT'
EnvironmentFile=%h/.config/neson/terminal.env
ExecStart=%h/.local/bin/neson terminal run

[Install]
WantedBy=default.target
TEXT
}

system_unit() {
  capability=''
  if [ "$setting_LISTEN_PORT" -gt 0 ] && [ "$setting_LISTEN_PORT" -lt 1024 ]; then capability=CAP_NET_BIND_SERVICE; fi
  unit_head
  unit_limits
  cat <<TEXT
User=neson
Group=neson
StateDirectory=neson
StateDirectoryMode=0700
ReadWritePaths=-$setting_DATA
CapabilityBoundingSet=$capability
AmbientCapabilities=$capability
ProtectSystem=strict
ProtectHome=yes
ProtectClock=yes
ProtectControlGroups=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectProc=invisible
PrivateDevices=yes
PrivateTmp=yes
RemoveIPC=yes
EnvironmentFile=/etc/neson/terminal.env
ExecStart=/usr/local/bin/neson terminal run

[Install]
WantedBy=multi-user.target
TEXT
}

write_unit() {
  mkdir -p "$root${unit%/*}"
  "${scope}_unit" >"$work/unit"
  cp "$work/unit" "$root$unit.new"
  chmod 644 "$root$unit.new"
  mv -f "$root$unit.new" "$root$unit"
}

user_comment='NESON Terminal (made by install.sh)'

prepare_system() {
  if [ -n "$root" ]; then
    say 'the image needs a system user and group "neson"; its first start makes the data directory'
    return
  fi
  if ! id neson >/dev/null 2>&1; then
    have useradd || fail 'needed: useradd, to make the system user "neson"'
    useradd --system --user-group --home-dir /var/lib/neson --shell /usr/sbin/nologin --comment "$user_comment" neson
  fi
  mkdir -p "$setting_DATA"
  chmod 700 "$setting_DATA"
  [ "$setting_DATA" != "$default_data" ] || chown neson:neson /var/lib/neson
  chown neson:neson "$setting_DATA"
  chgrp neson "$settings"
  chmod 640 "$settings"
}

control_systemd() {
  if [ "$scope" = user ]; then systemctl --user "$@"; else systemctl "$@"; fi
}

has_systemd() {
  if [ -n "$root" ] || ! have systemctl; then return 1; fi
  if [ "$scope" = user ]; then systemctl --user show-environment >/dev/null 2>&1; else [ -d /run/systemd/system ]; fi
}

start_service() {
  control_systemd daemon-reload
  if [ "$starts" = no ]; then
    say "not started; to start it: $(systemctl_words) enable --now $service"
    return
  fi
  control_systemd enable "$service"
  control_systemd restart "$service"
  say "started; what it does: $(journal_words) -u $service -f"
  if [ "$scope" = user ] && [ "$(loginctl show-user "$(id -un)" -p Linger --value 2>/dev/null)" != yes ]; then
    say "it stops when you log out; to let it go on: sudo loginctl enable-linger $(id -un)"
  fi
}

systemctl_words() { if [ "$scope" = user ]; then echo 'systemctl --user'; else echo systemctl; fi; }
journal_words() { if [ "$scope" = user ]; then echo 'journalctl --user'; else echo journalctl; fi; }

# One command for both who reads and what --run starts.
run_command="set -a; . \"\$1\"; exec \"\$2\" terminal run"

start_without_systemd() {
  if [ "$runs" = yes ] && [ "$scope" = user ] && [ "$starts" = yes ]; then
    rm -rf "$work"
    trap - EXIT
    exec sh -c "$run_command" neson "$settings" "$binary" </dev/null
  fi
  say 'there is no systemd here (or none for you), so nothing was started. To run the Terminal:'
  if [ "$scope" = user ]; then
    say "  sh -c 'set -a; . \"$settings\"; exec \"$binary\" terminal run'"
  else
    say "  su -s /bin/sh neson -c 'set -a; . \"$settings\"; exec \"$binary\" terminal run'"
  fi
}

install_terminal() {
  find_platform
  collect_settings
  download
  ask_settings
  place_binary
  write_settings
  [ "$scope" = user ] || prepare_system
  say "installed $root$binary (version $version), settings in $root$settings, data in $setting_DATA"
  say "its Router is $setting_ROUTER; see how it does: neson terminal status --data $setting_DATA"
  case ":$PATH:" in *":${binary%/*}:"*) ;; *) say "${binary%/*} is not in your PATH; call $binary, or add it" ;; esac
  if [ -n "$root" ]; then write_unit
  elif has_systemd; then write_unit; start_service
  else
    [ "$platform" = darwin-arm64 ] || write_unit
    start_without_systemd
  fi
}

uninstall_terminal() {
  data=$(stored DATA)
  [ -n "$data" ] || data=${NESON_TERMINAL_DATA:-$default_data}
  if [ -f "$root$unit" ]; then
    if has_systemd; then control_systemd disable --now "$service" || :; fi
    rm -f "$root$unit"
    if has_systemd; then control_systemd daemon-reload; fi
  fi
  rm -f "$root$binary" "$root$binary.previous" "$root$binary.new" "$root$settings" "$root$settings.new"
  remove_empty "$root${settings%/*}"
  remove_data "$root$data"
  if [ "$scope" = system ] && [ -z "$root" ] && [ ! -d "$data" ] && grep -q "^neson:[^:]*:[^:]*:[^:]*:$user_comment:" /etc/passwd; then
    userdel neson || :
  fi
  say 'removed'
}

remove_empty() { rmdir "$1" 2>/dev/null || :; }

# The folder around the default place is ours too.
remove_data_directory() {
  remove_empty "$1"
  if [ "$1" = "$root$default_data" ]; then remove_empty "${1%/*}"; fi
}

# Only what a Terminal makes, by name: a wrong --data must not cost anyone their own files.
remove_data() {
  if [ ! -f "$1/identity.key" ]; then
    remove_data_directory "$1"
    return
  fi
  if [ "$purges" = no ]; then
    ask "Remove $1 too? With it goes this Terminal's key, and its standing and unsettled earnings (yes or no)" no
    if [ "$answer" != yes ]; then
      say "kept $1 (objects and the Terminal's key); --uninstall --purge removes it"
      return
    fi
  fi
  rm -rf "$1/objects" "$1/partial"
  for file in identity.key router.key index.sqlite index.sqlite-wal index.sqlite-shm lock lock-journal lock.pid panel.json; do rm -f "$1/$file"; done
  remove_data_directory "$1"
  [ ! -d "$1" ] || say "kept $1: there are files in it that are not the Terminal's"
}

main() {
  fresh='' work=''
  umask 022
  read_options "$@"
  choose_places
  trap 'rm -rf "${work:-}" ; [ -z "${fresh:-}" ] || rm -f "$fresh"' EXIT
  trap 'exit 1' HUP INT TERM
  work=$(mktemp -d "${TMPDIR:-/tmp}/neson-install.XXXXXX")
  if [ "$action" = uninstall ]; then uninstall_terminal; else install_terminal; fi
}

# In braces, so that this line too does nothing unless it is whole.
{ main "$@"; }
