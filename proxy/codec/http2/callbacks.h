// callbacks.h: what nghttp2 calls while it reads and writes frames. Each turns one nghttp2 event
// into state of a Stream or Session; none runs a coroutine.
#pragma once

#include <nghttp2/nghttp2.h>
#include <sys/types.h>

#include <cstddef>
#include <cstdint>

namespace outrigger::proxy::http2 {

class Http2Stream;
class Session;

struct Callbacks {
  // The table for nghttp2_session_*_new; made once.
  static nghttp2_session_callbacks* Table();

  static int OnBeginHeaders(nghttp2_session*, const nghttp2_frame* frame, void* self);
  static int OnHeader(nghttp2_session*, const nghttp2_frame* frame, const uint8_t* name,
                      size_t name_size, const uint8_t* value, size_t value_size, uint8_t flags,
                      void* self);
  // A head that is over the limits: OnHeader's result.
  static int RefuseHead(Session& codec, Http2Stream& stream);
  static int OnFrame(nghttp2_session*, const nghttp2_frame* frame, void* self);
  static int OnData(nghttp2_session*, uint8_t flags, int32_t id, const uint8_t* data, size_t size,
                    void* self);
  static int OnClose(nghttp2_session*, int32_t id, uint32_t error, void* self);
  static int OnFrameSent(nghttp2_session*, const nghttp2_frame* frame, void* self);
  static int OnInvalidHeader(nghttp2_session*, const nghttp2_frame* frame, const uint8_t* name,
                             size_t name_size, const uint8_t* value, size_t value_size,
                             uint8_t flags, void* self);
  static int OnInvalidFrame(nghttp2_session*, const nghttp2_frame* frame, int error, void* self);
  static int SendData(nghttp2_session*, nghttp2_frame* frame, const uint8_t* head, size_t size,
                      nghttp2_data_source* source, void* self);
  static ssize_t ReadBody(nghttp2_session*, int32_t id, uint8_t* buffer, size_t size,
                          uint32_t* flags, nghttp2_data_source* source, void* self);
  static void SubmitTrailers(nghttp2_session*, int32_t id, Http2Stream& stream);
};

}  // namespace outrigger::proxy::http2
