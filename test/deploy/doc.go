// Package deploy tests what is in the folder deploy: that a real Prometheus
// scrapes the running demo, that every panel and every rule finds data there and
// every alert fires in its scenario and only then, and that the unit of systemd,
// the manifests of Kubernetes and the compose file are what their programs take.
// It is a module of its own, so that the daemon's go.mod stays short.
//
//	cd test/deploy && go test ./...
//
// Tests that need prometheus, promtool or systemd-analyze are skipped where those
// are not in PATH, and fail there if CI=true.
package deploy
