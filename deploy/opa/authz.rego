# What a caller of this OPA may do: ask for the node's one decision, and look whether OPA is well. Nothing else: no
# other policy put in, no data read or written, no query of one's own. Loaded beside the bundle; outside its roots.
package system.authz

default allow := false

allow if {
	input.method == "POST"
	input.path == ["v1", "data", "exchange", "main", "decision"]
}

allow if {
	input.method == "GET"
	input.path == ["health"]
}
