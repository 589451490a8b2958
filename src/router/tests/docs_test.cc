#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "fakes.h"

namespace switchyard::router {
namespace {

TEST(RoutingDocs, ShowRoutesThatCompile) {
  std::ifstream file(SWITCHYARD_SOURCE_DIR "/docs/routing.md");
  std::stringstream text;
  text << file.rdbuf();
  const std::string all = text.str();
  size_t found = 0;
  const std::string fence = "```yaml route\n";
  for (size_t at = all.find(fence); at != std::string::npos; at = all.find(fence, at + 1)) {
    const size_t begin = at + fence.size(), end = all.find("```", begin);
    ASSERT_NE(end, std::string::npos);
    EXPECT_NE(route_of(all.substr(begin, end - begin)), nullptr);
    ++found;
  }
  EXPECT_EQ(found, 4u);
}

}  // namespace
}  // namespace switchyard::router
