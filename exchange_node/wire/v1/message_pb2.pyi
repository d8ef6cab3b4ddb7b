from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Signed(_message.Message):
    __slots__ = ("payload", "key_id", "signature")
    PAYLOAD_FIELD_NUMBER: _ClassVar[int]
    KEY_ID_FIELD_NUMBER: _ClassVar[int]
    SIGNATURE_FIELD_NUMBER: _ClassVar[int]
    payload: bytes
    key_id: str
    signature: bytes
    def __init__(self, payload: _Optional[bytes] = ..., key_id: _Optional[str] = ..., signature: _Optional[bytes] = ...) -> None: ...

class Envelope(_message.Message):
    __slots__ = ("signed", "now", "known_size", "proof_from", "proof")
    SIGNED_FIELD_NUMBER: _ClassVar[int]
    NOW_FIELD_NUMBER: _ClassVar[int]
    KNOWN_SIZE_FIELD_NUMBER: _ClassVar[int]
    PROOF_FROM_FIELD_NUMBER: _ClassVar[int]
    PROOF_FIELD_NUMBER: _ClassVar[int]
    signed: Signed
    now: int
    known_size: int
    proof_from: int
    proof: _containers.RepeatedScalarFieldContainer[bytes]
    def __init__(self, signed: _Optional[_Union[Signed, _Mapping]] = ..., now: _Optional[int] = ..., known_size: _Optional[int] = ..., proof_from: _Optional[int] = ..., proof: _Optional[_Iterable[bytes]] = ...) -> None: ...

class Message(_message.Message):
    __slots__ = ("header", "request", "answer", "key_part", "encoding_manifest", "upload_state", "link_list", "release", "receipt", "cancel", "deleted", "poll", "wait")
    HEADER_FIELD_NUMBER: _ClassVar[int]
    REQUEST_FIELD_NUMBER: _ClassVar[int]
    ANSWER_FIELD_NUMBER: _ClassVar[int]
    KEY_PART_FIELD_NUMBER: _ClassVar[int]
    ENCODING_MANIFEST_FIELD_NUMBER: _ClassVar[int]
    UPLOAD_STATE_FIELD_NUMBER: _ClassVar[int]
    LINK_LIST_FIELD_NUMBER: _ClassVar[int]
    RELEASE_FIELD_NUMBER: _ClassVar[int]
    RECEIPT_FIELD_NUMBER: _ClassVar[int]
    CANCEL_FIELD_NUMBER: _ClassVar[int]
    DELETED_FIELD_NUMBER: _ClassVar[int]
    POLL_FIELD_NUMBER: _ClassVar[int]
    WAIT_FIELD_NUMBER: _ClassVar[int]
    header: Header
    request: Request
    answer: Answer
    key_part: KeyPart
    encoding_manifest: EncodingManifest
    upload_state: UploadState
    link_list: LinkList
    release: Release
    receipt: Receipt
    cancel: Cancel
    deleted: Deleted
    poll: Poll
    wait: Wait
    def __init__(self, header: _Optional[_Union[Header, _Mapping]] = ..., request: _Optional[_Union[Request, _Mapping]] = ..., answer: _Optional[_Union[Answer, _Mapping]] = ..., key_part: _Optional[_Union[KeyPart, _Mapping]] = ..., encoding_manifest: _Optional[_Union[EncodingManifest, _Mapping]] = ..., upload_state: _Optional[_Union[UploadState, _Mapping]] = ..., link_list: _Optional[_Union[LinkList, _Mapping]] = ..., release: _Optional[_Union[Release, _Mapping]] = ..., receipt: _Optional[_Union[Receipt, _Mapping]] = ..., cancel: _Optional[_Union[Cancel, _Mapping]] = ..., deleted: _Optional[_Union[Deleted, _Mapping]] = ..., poll: _Optional[_Union[Poll, _Mapping]] = ..., wait: _Optional[_Union[Wait, _Mapping]] = ...) -> None: ...

class Header(_message.Message):
    __slots__ = ("request_id", "request_digest", "requester", "provider", "sender", "recipient", "made_at", "manifest_digest", "checkpoint")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    REQUEST_DIGEST_FIELD_NUMBER: _ClassVar[int]
    REQUESTER_FIELD_NUMBER: _ClassVar[int]
    PROVIDER_FIELD_NUMBER: _ClassVar[int]
    SENDER_FIELD_NUMBER: _ClassVar[int]
    RECIPIENT_FIELD_NUMBER: _ClassVar[int]
    MADE_AT_FIELD_NUMBER: _ClassVar[int]
    MANIFEST_DIGEST_FIELD_NUMBER: _ClassVar[int]
    CHECKPOINT_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    request_digest: bytes
    requester: str
    provider: str
    sender: str
    recipient: str
    made_at: int
    manifest_digest: bytes
    checkpoint: bytes
    def __init__(self, request_id: _Optional[str] = ..., request_digest: _Optional[bytes] = ..., requester: _Optional[str] = ..., provider: _Optional[str] = ..., sender: _Optional[str] = ..., recipient: _Optional[str] = ..., made_at: _Optional[int] = ..., manifest_digest: _Optional[bytes] = ..., checkpoint: _Optional[bytes] = ...) -> None: ...

class Request(_message.Message):
    __slots__ = ("core", "sections")
    CORE_FIELD_NUMBER: _ClassVar[int]
    SECTIONS_FIELD_NUMBER: _ClassVar[int]
    core: bytes
    sections: _containers.RepeatedCompositeFieldContainer[Section]
    def __init__(self, core: _Optional[bytes] = ..., sections: _Optional[_Iterable[_Union[Section, _Mapping]]] = ...) -> None: ...

class RequestCore(_message.Message):
    __slots__ = ("request_id", "requester", "created_at", "deadline", "manifest_digest", "agreement_digest", "bundle_digest", "section_digests")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    REQUESTER_FIELD_NUMBER: _ClassVar[int]
    CREATED_AT_FIELD_NUMBER: _ClassVar[int]
    DEADLINE_FIELD_NUMBER: _ClassVar[int]
    MANIFEST_DIGEST_FIELD_NUMBER: _ClassVar[int]
    AGREEMENT_DIGEST_FIELD_NUMBER: _ClassVar[int]
    BUNDLE_DIGEST_FIELD_NUMBER: _ClassVar[int]
    SECTION_DIGESTS_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    requester: str
    created_at: int
    deadline: int
    manifest_digest: bytes
    agreement_digest: bytes
    bundle_digest: bytes
    section_digests: _containers.RepeatedScalarFieldContainer[bytes]
    def __init__(self, request_id: _Optional[str] = ..., requester: _Optional[str] = ..., created_at: _Optional[int] = ..., deadline: _Optional[int] = ..., manifest_digest: _Optional[bytes] = ..., agreement_digest: _Optional[bytes] = ..., bundle_digest: _Optional[bytes] = ..., section_digests: _Optional[_Iterable[bytes]] = ...) -> None: ...

class Section(_message.Message):
    __slots__ = ("index", "salt", "content")
    INDEX_FIELD_NUMBER: _ClassVar[int]
    SALT_FIELD_NUMBER: _ClassVar[int]
    CONTENT_FIELD_NUMBER: _ClassVar[int]
    index: int
    salt: bytes
    content: bytes
    def __init__(self, index: _Optional[int] = ..., salt: _Optional[bytes] = ..., content: _Optional[bytes] = ...) -> None: ...

class Part(_message.Message):
    __slots__ = ("question", "order")
    QUESTION_FIELD_NUMBER: _ClassVar[int]
    ORDER_FIELD_NUMBER: _ClassVar[int]
    question: Question
    order: LinkageOrder
    def __init__(self, question: _Optional[_Union[Question, _Mapping]] = ..., order: _Optional[_Union[LinkageOrder, _Mapping]] = ...) -> None: ...

class Question(_message.Message):
    __slots__ = ("provider", "agreement_id", "agreement_version", "purpose", "attributes", "assertions", "cohort_class", "emergency", "user_role", "sealing_key", "order_digest")
    PROVIDER_FIELD_NUMBER: _ClassVar[int]
    AGREEMENT_ID_FIELD_NUMBER: _ClassVar[int]
    AGREEMENT_VERSION_FIELD_NUMBER: _ClassVar[int]
    PURPOSE_FIELD_NUMBER: _ClassVar[int]
    ATTRIBUTES_FIELD_NUMBER: _ClassVar[int]
    ASSERTIONS_FIELD_NUMBER: _ClassVar[int]
    COHORT_CLASS_FIELD_NUMBER: _ClassVar[int]
    EMERGENCY_FIELD_NUMBER: _ClassVar[int]
    USER_ROLE_FIELD_NUMBER: _ClassVar[int]
    SEALING_KEY_FIELD_NUMBER: _ClassVar[int]
    ORDER_DIGEST_FIELD_NUMBER: _ClassVar[int]
    provider: str
    agreement_id: str
    agreement_version: int
    purpose: str
    attributes: _containers.RepeatedScalarFieldContainer[str]
    assertions: _containers.RepeatedCompositeFieldContainer[Assertion]
    cohort_class: int
    emergency: bool
    user_role: str
    sealing_key: bytes
    order_digest: bytes
    def __init__(self, provider: _Optional[str] = ..., agreement_id: _Optional[str] = ..., agreement_version: _Optional[int] = ..., purpose: _Optional[str] = ..., attributes: _Optional[_Iterable[str]] = ..., assertions: _Optional[_Iterable[_Union[Assertion, _Mapping]]] = ..., cohort_class: _Optional[int] = ..., emergency: _Optional[bool] = ..., user_role: _Optional[str] = ..., sealing_key: _Optional[bytes] = ..., order_digest: _Optional[bytes] = ...) -> None: ...

class Assertion(_message.Message):
    __slots__ = ("condition", "by", "at", "ref")
    CONDITION_FIELD_NUMBER: _ClassVar[int]
    BY_FIELD_NUMBER: _ClassVar[int]
    AT_FIELD_NUMBER: _ClassVar[int]
    REF_FIELD_NUMBER: _ClassVar[int]
    condition: str
    by: str
    at: int
    ref: str
    def __init__(self, condition: _Optional[str] = ..., by: _Optional[str] = ..., at: _Optional[int] = ..., ref: _Optional[str] = ...) -> None: ...

class LinkageOrder(_message.Message):
    __slots__ = ("agreement_id", "agreement_digest", "requester", "provider", "linkage_unit", "method", "method_version", "schema_digest", "threshold_bp", "max_requester_rows", "max_provider_rows", "max_links", "count_mode", "disclosure_mode", "expires_at")
    AGREEMENT_ID_FIELD_NUMBER: _ClassVar[int]
    AGREEMENT_DIGEST_FIELD_NUMBER: _ClassVar[int]
    REQUESTER_FIELD_NUMBER: _ClassVar[int]
    PROVIDER_FIELD_NUMBER: _ClassVar[int]
    LINKAGE_UNIT_FIELD_NUMBER: _ClassVar[int]
    METHOD_FIELD_NUMBER: _ClassVar[int]
    METHOD_VERSION_FIELD_NUMBER: _ClassVar[int]
    SCHEMA_DIGEST_FIELD_NUMBER: _ClassVar[int]
    THRESHOLD_BP_FIELD_NUMBER: _ClassVar[int]
    MAX_REQUESTER_ROWS_FIELD_NUMBER: _ClassVar[int]
    MAX_PROVIDER_ROWS_FIELD_NUMBER: _ClassVar[int]
    MAX_LINKS_FIELD_NUMBER: _ClassVar[int]
    COUNT_MODE_FIELD_NUMBER: _ClassVar[int]
    DISCLOSURE_MODE_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_AT_FIELD_NUMBER: _ClassVar[int]
    agreement_id: str
    agreement_digest: bytes
    requester: str
    provider: str
    linkage_unit: str
    method: str
    method_version: int
    schema_digest: bytes
    threshold_bp: int
    max_requester_rows: int
    max_provider_rows: int
    max_links: int
    count_mode: str
    disclosure_mode: str
    expires_at: int
    def __init__(self, agreement_id: _Optional[str] = ..., agreement_digest: _Optional[bytes] = ..., requester: _Optional[str] = ..., provider: _Optional[str] = ..., linkage_unit: _Optional[str] = ..., method: _Optional[str] = ..., method_version: _Optional[int] = ..., schema_digest: _Optional[bytes] = ..., threshold_bp: _Optional[int] = ..., max_requester_rows: _Optional[int] = ..., max_provider_rows: _Optional[int] = ..., max_links: _Optional[int] = ..., count_mode: _Optional[str] = ..., disclosure_mode: _Optional[str] = ..., expires_at: _Optional[int] = ...) -> None: ...

class Answer(_message.Message):
    __slots__ = ("status", "reasons", "sealing_key", "decision_digest", "bundle_digest")
    class Status(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        STATUS_UNSPECIFIED: _ClassVar[Answer.Status]
        STATUS_ACCEPTED: _ClassVar[Answer.Status]
        STATUS_REFUSED: _ClassVar[Answer.Status]
    STATUS_UNSPECIFIED: Answer.Status
    STATUS_ACCEPTED: Answer.Status
    STATUS_REFUSED: Answer.Status
    STATUS_FIELD_NUMBER: _ClassVar[int]
    REASONS_FIELD_NUMBER: _ClassVar[int]
    SEALING_KEY_FIELD_NUMBER: _ClassVar[int]
    DECISION_DIGEST_FIELD_NUMBER: _ClassVar[int]
    BUNDLE_DIGEST_FIELD_NUMBER: _ClassVar[int]
    status: Answer.Status
    reasons: _containers.RepeatedCompositeFieldContainer[Reason]
    sealing_key: bytes
    decision_digest: bytes
    bundle_digest: bytes
    def __init__(self, status: _Optional[_Union[Answer.Status, str]] = ..., reasons: _Optional[_Iterable[_Union[Reason, _Mapping]]] = ..., sealing_key: _Optional[bytes] = ..., decision_digest: _Optional[bytes] = ..., bundle_digest: _Optional[bytes] = ...) -> None: ...

class Reason(_message.Message):
    __slots__ = ("code", "statute", "condition", "sentence", "mend")
    CODE_FIELD_NUMBER: _ClassVar[int]
    STATUTE_FIELD_NUMBER: _ClassVar[int]
    CONDITION_FIELD_NUMBER: _ClassVar[int]
    SENTENCE_FIELD_NUMBER: _ClassVar[int]
    MEND_FIELD_NUMBER: _ClassVar[int]
    code: str
    statute: str
    condition: str
    sentence: str
    mend: str
    def __init__(self, code: _Optional[str] = ..., statute: _Optional[str] = ..., condition: _Optional[str] = ..., sentence: _Optional[str] = ..., mend: _Optional[str] = ...) -> None: ...

class KeyPart(_message.Message):
    __slots__ = ("sealed",)
    SEALED_FIELD_NUMBER: _ClassVar[int]
    sealed: bytes
    def __init__(self, sealed: _Optional[bytes] = ...) -> None: ...

class EncodingManifest(_message.Message):
    __slots__ = ("schema_digest", "key_id", "rows", "row_width", "chunk_digests", "popcount_mean_milli", "popcount_min", "popcount_max")
    SCHEMA_DIGEST_FIELD_NUMBER: _ClassVar[int]
    KEY_ID_FIELD_NUMBER: _ClassVar[int]
    ROWS_FIELD_NUMBER: _ClassVar[int]
    ROW_WIDTH_FIELD_NUMBER: _ClassVar[int]
    CHUNK_DIGESTS_FIELD_NUMBER: _ClassVar[int]
    POPCOUNT_MEAN_MILLI_FIELD_NUMBER: _ClassVar[int]
    POPCOUNT_MIN_FIELD_NUMBER: _ClassVar[int]
    POPCOUNT_MAX_FIELD_NUMBER: _ClassVar[int]
    schema_digest: bytes
    key_id: bytes
    rows: int
    row_width: int
    chunk_digests: _containers.RepeatedScalarFieldContainer[bytes]
    popcount_mean_milli: int
    popcount_min: int
    popcount_max: int
    def __init__(self, schema_digest: _Optional[bytes] = ..., key_id: _Optional[bytes] = ..., rows: _Optional[int] = ..., row_width: _Optional[int] = ..., chunk_digests: _Optional[_Iterable[bytes]] = ..., popcount_mean_milli: _Optional[int] = ..., popcount_min: _Optional[int] = ..., popcount_max: _Optional[int] = ...) -> None: ...

class UploadState(_message.Message):
    __slots__ = ("complete", "missing")
    COMPLETE_FIELD_NUMBER: _ClassVar[int]
    MISSING_FIELD_NUMBER: _ClassVar[int]
    complete: bool
    missing: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, complete: _Optional[bool] = ..., missing: _Optional[_Iterable[int]] = ...) -> None: ...

class LinkList(_message.Message):
    __slots__ = ("chunk_digests", "rows", "precision_bp")
    CHUNK_DIGESTS_FIELD_NUMBER: _ClassVar[int]
    ROWS_FIELD_NUMBER: _ClassVar[int]
    PRECISION_BP_FIELD_NUMBER: _ClassVar[int]
    chunk_digests: _containers.RepeatedScalarFieldContainer[bytes]
    rows: int
    precision_bp: int
    def __init__(self, chunk_digests: _Optional[_Iterable[bytes]] = ..., rows: _Optional[int] = ..., precision_bp: _Optional[int] = ...) -> None: ...

class Release(_message.Message):
    __slots__ = ("digest", "size", "chunk_digests", "bundle_digest", "engine", "decision_digest", "columns_digest", "capacity", "obligations")
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    SIZE_FIELD_NUMBER: _ClassVar[int]
    CHUNK_DIGESTS_FIELD_NUMBER: _ClassVar[int]
    BUNDLE_DIGEST_FIELD_NUMBER: _ClassVar[int]
    ENGINE_FIELD_NUMBER: _ClassVar[int]
    DECISION_DIGEST_FIELD_NUMBER: _ClassVar[int]
    COLUMNS_DIGEST_FIELD_NUMBER: _ClassVar[int]
    CAPACITY_FIELD_NUMBER: _ClassVar[int]
    OBLIGATIONS_FIELD_NUMBER: _ClassVar[int]
    digest: bytes
    size: int
    chunk_digests: _containers.RepeatedScalarFieldContainer[bytes]
    bundle_digest: bytes
    engine: str
    decision_digest: bytes
    columns_digest: bytes
    capacity: int
    obligations: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, digest: _Optional[bytes] = ..., size: _Optional[int] = ..., chunk_digests: _Optional[_Iterable[bytes]] = ..., bundle_digest: _Optional[bytes] = ..., engine: _Optional[str] = ..., decision_digest: _Optional[bytes] = ..., columns_digest: _Optional[bytes] = ..., capacity: _Optional[int] = ..., obligations: _Optional[_Iterable[str]] = ...) -> None: ...

class Receipt(_message.Message):
    __slots__ = ("release_digest",)
    RELEASE_DIGEST_FIELD_NUMBER: _ClassVar[int]
    release_digest: bytes
    def __init__(self, release_digest: _Optional[bytes] = ...) -> None: ...

class Cancel(_message.Message):
    __slots__ = ("reason",)
    REASON_FIELD_NUMBER: _ClassVar[int]
    reason: str
    def __init__(self, reason: _Optional[str] = ...) -> None: ...

class Deleted(_message.Message):
    __slots__ = ("chunks", "at")
    CHUNKS_FIELD_NUMBER: _ClassVar[int]
    AT_FIELD_NUMBER: _ClassVar[int]
    chunks: int
    at: int
    def __init__(self, chunks: _Optional[int] = ..., at: _Optional[int] = ...) -> None: ...

class Poll(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class Wait(_message.Message):
    __slots__ = ("milliseconds", "state", "upload_again")
    MILLISECONDS_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    UPLOAD_AGAIN_FIELD_NUMBER: _ClassVar[int]
    milliseconds: int
    state: str
    upload_again: bool
    def __init__(self, milliseconds: _Optional[int] = ..., state: _Optional[str] = ..., upload_again: _Optional[bool] = ...) -> None: ...
