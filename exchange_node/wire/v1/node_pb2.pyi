from exchange_node.wire.v1 import message_pb2 as _message_pb2
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ChunkRef(_message.Message):
    __slots__ = ("request_id", "requester", "provider", "index")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    REQUESTER_FIELD_NUMBER: _ClassVar[int]
    PROVIDER_FIELD_NUMBER: _ClassVar[int]
    INDEX_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    requester: str
    provider: str
    index: int
    def __init__(self, request_id: _Optional[str] = ..., requester: _Optional[str] = ..., provider: _Optional[str] = ..., index: _Optional[int] = ...) -> None: ...

class Chunk(_message.Message):
    __slots__ = ("ref", "data")
    REF_FIELD_NUMBER: _ClassVar[int]
    DATA_FIELD_NUMBER: _ClassVar[int]
    ref: ChunkRef
    data: bytes
    def __init__(self, ref: _Optional[_Union[ChunkRef, _Mapping]] = ..., data: _Optional[bytes] = ...) -> None: ...
