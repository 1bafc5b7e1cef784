// json_writer.h: writes a JSON document piece by piece: commas, quotes, escapes and lines are its
// business.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/strings/str_cat.h"
#include "scheduler/base/json_text.h"

namespace outrigger::control {

// `json`, a valid document, a value a line, each level one blank deeper, as Envoy prints it.
std::string IndentJson(std::string_view json);

// Value. `Key` goes before each member of an object.
class JsonWriter {
 public:
  JsonWriter& Key(std::string_view name) {
    Comma();
    scheduler::AppendJsonString(text_, name);
    text_ += ": ";
    after_key_ = true;
    return *this;
  }
  JsonWriter& Begin(char bracket) {  // '{' or '['
    Comma();
    text_ += bracket;
    first_ = true;
    return *this;
  }
  JsonWriter& End(char bracket) {
    text_ += bracket;
    first_ = false;
    return *this;
  }
  JsonWriter& String(std::string_view value) {
    Comma();
    scheduler::AppendJsonString(text_, value);
    return *this;
  }
  JsonWriter& Number(int64_t value) { return Raw(absl::StrCat(value)); }
  JsonWriter& Number(double value) { return Raw(absl::StrCat(value)); }
  JsonWriter& Bool(bool value) { return Raw(value ? "true" : "false"); }
  // `json` is a whole value.
  JsonWriter& Raw(std::string_view json) {
    Comma();
    text_ += json;
    return *this;
  }
  // The document, indented.
  std::string Take() { return IndentJson(text_); }

 private:
  void Comma() {
    if (!first_ && !after_key_) text_ += ", ";
    first_ = after_key_ = false;
  }

  std::string text_;
  bool first_ = true;
  bool after_key_ = false;
};

}  // namespace outrigger::control
