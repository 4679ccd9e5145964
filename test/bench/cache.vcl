vcl 4.1;
# Varnish with its own defaults: the origin states the freshness.
backend default {
  .host = "127.0.0.1";
  .port = "{{originPort}}";
}
