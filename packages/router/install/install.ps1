# Installs, updates or removes a NESON Terminal on Windows, for the user who runs it:
#   irm https://ROUTER/install.ps1 | iex
#   & ([scriptblock]::Create((irm https://ROUTER/install.ps1))) -Quota 100GB -Endpoint http://my-server.example.net:8090
#   & ([scriptblock]::Create((irm https://ROUTER/install.ps1))) -Uninstall
# Everything is in functions that the last line calls, so that half a download does nothing.
param(
  [string]$Router = '',
  [string]$RouterKey = '',
  [string]$Data = '',
  [string]$Quota = '',
  [string]$ListenHost = '',
  [string]$ListenPort = '',
  [string]$Endpoint = '',
  [string]$PanelPort = '',
  [string]$Memory = '',
  [string]$Sha256 = '',
  [switch]$Yes,
  [switch]$NoStart,
  [switch]$Uninstall,
  [switch]$Purge
)

function Get-NesonPlaces {
  $folder = Join-Path $env:LOCALAPPDATA 'Neson'
  @{
    Folder   = $folder
    Binary   = Join-Path $folder 'neson.exe'
    Settings = Join-Path $folder 'terminal.env'
    Runner   = Join-Path $folder 'run-terminal.ps1'
    Log      = Join-Path $folder 'terminal.log'
    Data     = Join-Path $folder 'terminal'
    Shortcut = Join-Path ([Environment]::GetFolderPath('Startup')) 'NESON Terminal.lnk'
  }
}

function Get-NesonSettings([string]$Path) {
  $settings = @{}
  if (Test-Path -LiteralPath $Path) {
    foreach ($line in Get-Content -LiteralPath $Path -Encoding UTF8) {
      if ($line -match '^(NESON_[A-Z_]+)="(.*)"$') { $settings[$Matches[1]] = $Matches[2] }
    }
  }
  $settings
}

function Set-NesonSetting([hashtable]$Settings, [string]$Name, [string]$Value) {
  if ($Value -eq '') { return }
  if ($Value -match '["\x00-\x1f\x7f]') { throw "setting ${Name}: found $Value, allowed: no quotation marks or control characters" }
  $Settings[$Name] = $Value
}

function Read-NesonAnswer([string]$Question, [string]$Default, [bool]$IsAsked) {
  if (-not $IsAsked) { return $Default }
  $answer = Read-Host "$Question [$Default]"
  if ($answer -eq '') { $Default } else { $answer }
}

function Get-NesonAddress {
  $found = Get-NetIPConfiguration -ErrorAction SilentlyContinue | Where-Object { $_.IPv4DefaultGateway } | Select-Object -First 1
  if ($found) { @($found.IPv4Address)[0].IPAddress } else { '127.0.0.1' }
}

# Downloads beside the final place, and keeps the file only when its checksum is the announced one.
function Receive-NesonProgram([string]$From, [string]$To, [string]$Wanted) {
  $file = 'neson-windows-x64.exe'
  $sums = (Invoke-WebRequest -UseBasicParsing -Uri "$From/download/SHA256SUMS").Content
  if ($sums -is [byte[]]) { $sums = [Text.Encoding]::UTF8.GetString($sums) }
  if ($sums -notmatch "(?m)^([0-9a-f]{64})  $([regex]::Escape($file))\s*$") { throw "$From has no program for windows-x64" }
  $listed = $Matches[1]
  Invoke-WebRequest -UseBasicParsing -Uri "$From/download/$file" -OutFile $To
  $found = (Get-FileHash -LiteralPath $To -Algorithm SHA256).Hash.ToLowerInvariant()
  $isRight = ($found -eq $listed) -and (($Wanted -eq '') -or ($found -eq $Wanted.ToLowerInvariant()))
  if (-not $isRight) {
    Remove-Item -LiteralPath $To -Force
    throw "refused: the downloaded program has SHA-256 $found, announced is $listed; nothing was installed"
  }
}

function Stop-NesonTerminal([hashtable]$Places) {
  $runner = [regex]::Escape($Places.Runner)
  Get-CimInstance Win32_Process -Filter "Name = 'powershell.exe'" |
    Where-Object { $_.CommandLine -match $runner } |
    ForEach-Object { Stop-Process -Id $_.ProcessId -Force -ErrorAction SilentlyContinue }
  Get-Process -Name 'neson' -ErrorAction SilentlyContinue |
    Where-Object { $_.Path -eq $Places.Binary } |
    Stop-Process -Force
}

function Write-NesonRunner([hashtable]$Places) {
  $text = @'
# Runs the Terminal with the settings of terminal.env, and starts it again when it fails. Written by install.ps1.
$folder = Split-Path -Parent $MyInvocation.MyCommand.Path
while ($true) {
  foreach ($line in Get-Content -LiteralPath (Join-Path $folder 'terminal.env') -Encoding UTF8) {
    if ($line -match '^(NESON_[A-Z_]+)="(.*)"$') { [Environment]::SetEnvironmentVariable($Matches[1], $Matches[2]) }
  }
  $log = Join-Path $folder 'terminal.log'
  if (Test-Path -LiteralPath $log) { Move-Item -LiteralPath $log -Destination "$log.old" -Force }
  # No new window: this one is hidden already.
  $run = Start-Process -FilePath (Join-Path $folder 'neson.exe') -ArgumentList 'terminal', 'run' -WorkingDirectory $folder `
    -NoNewWindow -RedirectStandardError $log -PassThru -Wait
  if ($run.ExitCode -eq 0) { break }
  Start-Sleep -Seconds 5
}
'@
  Set-Content -LiteralPath $Places.Runner -Value $text -Encoding UTF8
}

function Write-NesonShortcut([hashtable]$Places) {
  $shortcut = (New-Object -ComObject WScript.Shell).CreateShortcut($Places.Shortcut)
  $shortcut.TargetPath = Join-Path $env:SystemRoot 'System32\WindowsPowerShell\v1.0\powershell.exe'
  $shortcut.Arguments = "-NoProfile -ExecutionPolicy Bypass -WindowStyle Hidden -File `"$($Places.Runner)`""
  $shortcut.WorkingDirectory = $Places.Folder
  $shortcut.WindowStyle = 7
  $shortcut.Description = 'NESON Terminal'
  $shortcut.Save()
}

function Install-Neson([hashtable]$Options) {
  if (-not [Environment]::Is64BitOperatingSystem) { throw 'found 32-bit Windows, allowed: Windows on x64' }
  $places = Get-NesonPlaces
  $settings = Get-NesonSettings $places.Settings
  foreach ($name in $Options.Settings.Keys) { Set-NesonSetting $settings $name $Options.Settings[$name] }
  if (-not $settings['NESON_TERMINAL_ROUTER']) { $settings['NESON_TERMINAL_ROUTER'] = $Options.DefaultRouter }
  $from = if ($Options.Settings['NESON_TERMINAL_ROUTER']) { $Options.Settings['NESON_TERMINAL_ROUTER'] } else { $Options.DefaultRouter }
  if ($from -notmatch '^https?://') { throw "option -Router: found $from, allowed: the http or https URL of a Router" }

  New-Item -ItemType Directory -Force -Path $places.Folder | Out-Null
  $fresh = "$($places.Binary).new"
  try {
    Receive-NesonProgram $from.TrimEnd('/') $fresh $Options.Sha256
    Complete-NesonSettings $settings $places $Options.IsAsked
    Stop-NesonTerminal $places
    if (Test-Path -LiteralPath $places.Binary) { Move-Item -LiteralPath $places.Binary -Destination "$($places.Binary).previous" -Force }
    Move-Item -LiteralPath $fresh -Destination $places.Binary -Force
  } finally {
    if (Test-Path -LiteralPath $fresh) { Remove-Item -LiteralPath $fresh -Force }
  }
  $lines = $settings.Keys | Sort-Object | ForEach-Object { "$_=`"$($settings[$_])`"" }
  Set-Content -LiteralPath $places.Settings -Value $lines -Encoding UTF8
  Write-NesonRunner $places
  Write-NesonShortcut $places
  if (-not $Options.IsHeldBack) { Invoke-Item -LiteralPath $places.Shortcut }
  Write-Host "installed $($places.Binary), settings in $($places.Settings), log in $($places.Log)"
  Write-Host "its Router is $($settings['NESON_TERMINAL_ROUTER']); it starts whenever you log in"
  Write-Host "let port $($settings['NESON_TERMINAL_LISTEN_PORT']) through Windows Firewall, so that viewers can reach it"
}

function Complete-NesonSettings([hashtable]$Settings, [hashtable]$Places, [bool]$IsAsked) {
  if (-not $Settings['NESON_TERMINAL_DATA']) { $Settings['NESON_TERMINAL_DATA'] = $Places.Data }
  if (-not $Settings['NESON_TERMINAL_LISTEN_PORT']) { $Settings['NESON_TERMINAL_LISTEN_PORT'] = '8090' }
  if (-not $Settings['NESON_TERMINAL_QUOTA']) {
    Set-NesonSetting $Settings 'NESON_TERMINAL_QUOTA' (Read-NesonAnswer 'How much disk space may the network use?' '10GiB' $IsAsked)
  }
  if ($Settings['NESON_TERMINAL_ENDPOINT'] -or $Settings['NESON_TERMINAL_LISTEN_HOST']) { return }
  $guess = "http://$(Get-NesonAddress):$($Settings['NESON_TERMINAL_LISTEN_PORT'])"
  Set-NesonSetting $Settings 'NESON_TERMINAL_ENDPOINT' (Read-NesonAnswer 'At which URL do viewers reach this machine?' $guess $IsAsked)
  $Settings['NESON_TERMINAL_LISTEN_HOST'] = '0.0.0.0'
}

function Uninstall-Neson([bool]$IsAsked, [bool]$IsPurged) {
  $places = Get-NesonPlaces
  $settings = Get-NesonSettings $places.Settings
  $data = if ($settings['NESON_TERMINAL_DATA']) { $settings['NESON_TERMINAL_DATA'] } else { $places.Data }
  Stop-NesonTerminal $places
  $files = $places.Shortcut, $places.Binary, "$($places.Binary).previous", "$($places.Binary).new", $places.Settings, $places.Runner,
    $places.Log, "$($places.Log).old"
  foreach ($file in $files) { if (Test-Path -LiteralPath $file) { Remove-Item -LiteralPath $file -Force } }
  if (Test-Path -LiteralPath (Join-Path $data 'identity.key')) {
    $question = "Remove $data too? With it goes this Terminal's key, and its standing and unsettled earnings (yes or no)"
    if ($IsPurged -or ((Read-NesonAnswer $question 'no' $IsAsked) -eq 'yes')) { Remove-NesonData $data }
    else { Write-Host "kept $data (objects and the Terminal's key)" }
  }
  foreach ($folder in $data, $places.Folder) {
    if ((Test-Path -LiteralPath $folder) -and -not (Get-ChildItem -LiteralPath $folder -Force)) { Remove-Item -LiteralPath $folder -Force }
  }
  Write-Host 'removed'
}

# Only what a Terminal makes, by name: a wrong data directory must not cost anyone their own files.
function Remove-NesonData([string]$Data) {
  foreach ($name in 'objects', 'partial') {
    $path = Join-Path $Data $name
    if (Test-Path -LiteralPath $path) { Remove-Item -LiteralPath $path -Recurse -Force }
  }
  foreach ($name in 'identity.key', 'router.key', 'index.sqlite', 'index.sqlite-wal', 'index.sqlite-shm', 'lock', 'lock-journal', 'lock.pid', 'panel.json') {
    $path = Join-Path $Data $name
    if (Test-Path -LiteralPath $path) { Remove-Item -LiteralPath $path -Force }
  }
}

function Invoke-Neson([hashtable]$Options) {
  $ErrorActionPreference = 'Stop'
  # The progress bar makes downloads in Windows PowerShell many times slower.
  $ProgressPreference = 'SilentlyContinue'
  [Net.ServicePointManager]::SecurityProtocol = [Net.ServicePointManager]::SecurityProtocol -bor [Net.SecurityProtocolType]::Tls12
  if ($Options.IsUninstall) { Uninstall-Neson $Options.IsAsked $Options.IsPurged } else { Install-Neson $Options }
}

Invoke-Neson @{ DefaultRouter = '@ROUTER_URL@'; Sha256 = $Sha256; IsAsked = -not $Yes; IsHeldBack = [bool]$NoStart; IsUninstall = [bool]$Uninstall; IsPurged = [bool]$Purge
  Settings = @{ NESON_TERMINAL_ROUTER = $Router; NESON_TERMINAL_ROUTER_KEY = $RouterKey; NESON_TERMINAL_DATA = $Data; NESON_TERMINAL_QUOTA = $Quota
    NESON_TERMINAL_LISTEN_HOST = $ListenHost; NESON_TERMINAL_LISTEN_PORT = $ListenPort; NESON_TERMINAL_ENDPOINT = $Endpoint
    NESON_TERMINAL_PANEL_PORT = $PanelPort; NESON_TERMINAL_MEMORY = $Memory } }
