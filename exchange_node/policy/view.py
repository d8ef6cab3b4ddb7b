"""What policy sees of an agreement: identifiers, numbers and flags, no text that somebody wrote freely."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

from exchange_node.policy.agreement import Agreement, Flow


def _begin(day: date) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp())


def _end(day: date) -> int:
    return _begin(day) + int(timedelta(days=1).total_seconds())


def policy_view(agreement: Agreement) -> dict[str, Any]:
    """The agreement's part of every policy input: no free text, dates as epoch seconds UTC, `valid_to` and reviews as
    the first second after the day that was written."""
    return {
        "id": agreement.id,
        "version": agreement.version,
        "digest": agreement.digest,
        "status": agreement.status,
        "parties": [{"org": p.org, "role": p.role, "type": p.type, "regime": p.regime} for p in agreement.parties],
        "purposes": [{"id": p.id, "individual_care": p.individual_care} for p in agreement.purposes],
        "schedule1": list(agreement.schedule1),
        "policy_document": agreement.policy_document is not None,
        "flows": [_flow_view(flow) for flow in agreement.flows],
        "linkage": {
            "methods": list(agreement.linkage.methods),
            "minimum_precision_bp": agreement.linkage.minimum_precision_bp,
            "max_cohort_rows": agreement.linkage.max_cohort_rows,
            "max_links": agreement.linkage.max_links,
        },
        "reverse_disclosure": {
            key: getattr(agreement.reverse_disclosure, key) for key in ("covered", "special", "offence", "consent")
        },
        "population": {
            "special": agreement.population.special,
            "offence": agreement.population.offence,
            "exclusions": list(agreement.population.exclusions),
        },
        "opt_out_rule": agreement.opt_out_rule,
        "onward_sharing": agreement.onward_sharing,
        "valid_from": _begin(agreement.valid_from),
        "valid_to": _end(agreement.valid_to),
        "review_by": _end(agreement.review_by),
        "dpia_review_by": _end(agreement.dpia.review_by),
        "deletion_days": agreement.deletion_days,
    }


def _flow_view(flow: Flow) -> dict[str, Any]:
    return {
        "id": flow.id,
        "from": flow.source,
        "to": flow.recipient,
        "purposes": list(flow.purposes),
        "gateways": list(flow.gateways),
        "art6": list(flow.art6),
        "art9": list(flow.art9),
        "confidentiality_route": flow.confidentiality_route,
        "consent_scopes": list(flow.consent_scopes),
        "crossing_authorised": flow.regime_crossing is not None,
        "attributes": [
            {
                "name": item.name,
                "category": item.category,
                "special": item.special,
                "offence": item.offence,
                "necessary_for": [need.purpose for need in item.necessity],
                "retention_days": item.retention_days,
                "transform": item.transform,
            }
            for item in flow.attributes
        ],
    }
