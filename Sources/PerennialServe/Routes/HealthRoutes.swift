import Hummingbird

/// Is it alive, is it ready, what does it count, and what can be asked.
struct HealthRoutes {
  let deployment: Deployment
  let stopping: StopFlag

  func add(to router: Router<BasicRequestContext>) {
    router.get("livez") { _, _ in Reply.text("ok\n", type: "text/plain; charset=utf-8") }
    router.get("readyz") { _, _ in
      guard !stopping.isSet else {
        throw ServeError(.serviceUnavailable, "stopping", "the server is stopping", retryAfter: 5)
      }
      return Reply.text("ok\n", type: "text/plain; charset=utf-8")
    }
    router.get("metrics") { _, _ in
      Reply.text(deployment.metrics.text, type: PrometheusRegistry.contentType)
    }
    router.get("openapi.json") { _, _ in
      Reply.bytes(PackageResources.openapi_json, type: "application/json; charset=utf-8")
    }
    router.get("/") { _, _ in
      var response = Reply.bytes(PackageResources.dashboard_html, type: "text/html; charset=utf-8")
      response.headers[.contentSecurityPolicy] = """
        default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'; \
        img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'
        """
      return response
    }
  }
}
