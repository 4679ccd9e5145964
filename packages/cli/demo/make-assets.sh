#!/bin/sh
# Draws every picture and sound of the demo site with ffmpeg alone, so nothing in assets/ is anybody else's work.
# Needs: ffmpeg with libx264, and the DejaVu fonts. Run it from anywhere; it replaces assets/.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
out="$here/assets"
font=${FONT:-/usr/share/fonts/truetype/dejavu/DejaVuSansMono-Bold.ttf}
rm -rf "$out"
mkdir -p "$out/video" "$out/images"

# A dive into the Mandelbrot set: 24 s, coloured by brightness so that it stays pleasant and compresses well.
dive="mandelbrot=s=854x480:rate=25:start_scale=0.02:end_scale=0.00002:end_pts=600:inner=black"
paint="format=gray,gblur=sigma=1.4,format=yuv444p,pseudocolor=preset=magma"
clock="drawtext=fontfile=$font:text='NESON  %{pts\:gmtime\:0\:%M\\\\\:%S}':x=24:y=h-52:fontsize=26:fontcolor=white:box=1:boxcolor=black@0.45:boxborderw=10"
# Four soft tones that rise with the dive; quiet, since people open demos in offices.
sound="aevalsrc=0.05*sin(2*PI*t*110*(1+floor(t/6)/8))+0.04*sin(2*PI*t*165*(1+floor(t/6)/8))*(0.6+0.4*sin(2*PI*t/4)):s=48000"

# Constant bit rate keeps every segment above the 64 KiB under which a Router answers by itself.
ffmpeg -hide_banner -loglevel error -y -f lavfi -i "$dive" -f lavfi -i "$sound" -t 24 \
  -vf "$paint,$clock,format=yuv420p" -c:v libx264 -profile:v main -preset slow \
  -b:v 780k -minrate 780k -maxrate 780k -bufsize 780k -x264-params nal-hrd=cbr:keyint=50:min-keyint=50:scenecut=0 \
  -c:a aac -b:a 64k -ac 1 -map_metadata -1 -fflags +bitexact -flags:v +bitexact -flags:a +bitexact \
  -f hls -hls_time 2 -hls_playlist_type vod -hls_segment_type fmp4 -hls_flags independent_segments \
  -hls_fmp4_init_filename init.mp4 -hls_segment_filename "$out/video/segment-%02d.m4s" "$out/video/index.m3u8"

still() { # name, place x, place y, scale, palette
  ffmpeg -hide_banner -loglevel error -y \
    -f lavfi -i "mandelbrot=s=1920x1200:rate=1:start_x=$2:start_y=$3:start_scale=$4:end_scale=$4:inner=black" -frames:v 1 \
    -vf "format=gray,gblur=sigma=1.2,format=yuv444p,pseudocolor=preset=$5,scale=1200:750:flags=area,format=yuvj420p" \
    -q:v 3 -map_metadata -1 -fflags +bitexact "$out/images/$1.jpg"
}
still valley -0.7463 0.1102 0.005 magma
still spiral -0.7435669 0.1314023 0.0022 viridis
still island -0.1592 -1.0317 0.02 plasma
cat "$out/video/init.mp4" "$out/video/segment-06.m4s" | ffmpeg -hide_banner -loglevel error -y -i pipe:0 \
  -frames:v 1 -q:v 4 -map_metadata -1 -fflags +bitexact "$out/video/poster.jpg"
