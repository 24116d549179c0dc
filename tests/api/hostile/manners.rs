//! How the server answers health checks, proxies, browsers and neighbours on the same host.
