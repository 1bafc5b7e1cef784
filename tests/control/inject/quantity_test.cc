#include "control/inject/quantity.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>

namespace outrigger::control {
namespace {

// In thousandths of one; -1 for an error.
int64_t Milli(std::string_view text) {
  const auto quantity = ParseQuantity(text);
  return quantity.ok() ? static_cast<int64_t>(quantity->nano / 1'000'000) : -1;
}

TEST(Quantity, ReadsEverySuffixThatKubernetesHas) {
  EXPECT_EQ(Milli("2"), 2000);
  EXPECT_EQ(Milli("500m"), 500);
  EXPECT_EQ(Milli("1.5"), 1500);
  EXPECT_EQ(Milli(".5"), 500);
  EXPECT_EQ(Milli("2."), 2000);
  EXPECT_EQ(Milli("7000u"), 7);
  EXPECT_EQ(Milli("7000000n"), 7);
  EXPECT_EQ(Milli("1k"), 1'000'000);
  EXPECT_EQ(Milli("1M"), 1'000'000'000);
  EXPECT_EQ(Milli("1Ki"), 1'024'000);
  EXPECT_EQ(Milli("0.5Gi"), 536'870'912'000);
  EXPECT_EQ(Milli("1e3"), 1'000'000);
  EXPECT_EQ(Milli("1E+3"), 1'000'000);
  EXPECT_EQ(Milli("5e-3"), 5);
}

TEST(Quantity, ReadsItsLargestAndRefusesMore) {
  EXPECT_TRUE(ParseQuantity("7Ei").ok());
  EXPECT_TRUE(ParseQuantity("7E").ok());
  EXPECT_FALSE(ParseQuantity("999999999999999999E").ok());
  EXPECT_FALSE(ParseQuantity("1000000000000000000000000").ok());
  EXPECT_FALSE(ParseQuantity("1e19").ok());
  EXPECT_FALSE(ParseQuantity("1e99999999999999999999").ok());
}

TEST(Quantity, RefusesWhatKubernetesRefuses) {
  for (const char* text : {"", " ", "m", ".", "1..2", "1.2.3", "1 m", "1mi", "1K", "ten", "1e",
                           "1e+", "1e+-3", "0x10", "1,5", "500 m", "-1", "1Mi ", "--1"}) {
    EXPECT_FALSE(ParseQuantity(text).ok()) << text;
  }
}

TEST(Quantity, ComparesAcrossSuffixes) {
  EXPECT_EQ(ParseQuantity("1")->nano, ParseQuantity("1000m")->nano);
  EXPECT_LT(ParseQuantity("999m")->nano, ParseQuantity("1")->nano);
  EXPECT_LT(ParseQuantity("128M")->nano, ParseQuantity("128Mi")->nano);
}

TEST(Cpu, IsAboveZeroAndNoFinerThanAThousandth) {
  EXPECT_TRUE(ParseCpu("1m").ok());
  EXPECT_TRUE(ParseCpu("0.001").ok());
  EXPECT_FALSE(ParseCpu("0").ok());
  EXPECT_FALSE(ParseCpu("0.0005").ok());
  EXPECT_FALSE(ParseCpu("100u").ok());
}

TEST(Memory, InThousandthsOfAByteNamesTheSuffixThatWasMeant) {
  EXPECT_TRUE(ParseMemory("64Mi").ok());
  EXPECT_TRUE(ParseMemory("0.1Gi").ok());
  EXPECT_FALSE(ParseMemory("0").ok());
  EXPECT_EQ(ParseMemory("128m").status().message(), "thousandths of a byte; did you mean 128Mi?");
}

}  // namespace
}  // namespace outrigger::control
