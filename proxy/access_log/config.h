// config.h: one access log as the data plane uses it: a compiled format and where its lines go.
#pragma once

#include <memory>

namespace outrigger::proxy {

class AccessLogFormat;
class AccessLogSink;

struct AccessLogConfig {
  std::shared_ptr<const AccessLogFormat> format;
  std::shared_ptr<AccessLogSink> sink;
};

}  // namespace outrigger::proxy
