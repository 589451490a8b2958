#include "asked_text.h"

#include <memory>

namespace switchyard::router {
namespace {

/// The last item that is a map with this text as that member.
const Value* last_with(const Value* list, std::string_view member, std::string_view text) {
  if (list == nullptr || !list->is(Kind::kList)) return nullptr;
  for (size_t i = list->size(); i-- > 0;) {
    const Value* value = list->items()[i].find(member);
    if (value != nullptr && value->is(Kind::kString) && value->as_string() == text) return &list->items()[i];
  }
  return nullptr;
}

const Value* said_last(const Value& input) {
  const Value* message = last_with(input.find("messages"), "role", "user");
  const Value* content = message == nullptr ? nullptr : message->find("content");
  if (content == nullptr || !content->is(Kind::kList)) return content;
  const Value* part = last_with(content, "type", "text");
  return part == nullptr ? nullptr : part->find("text");
}

Value without(const Value& value, const Value* place, Arena& arena) {
  if (&value == place) return {};
  if (value.is(Kind::kList)) {
    ListBuilder list(arena);
    for (const Value& item : value.items()) list.add(without(item, place, arena));
    return list.build();
  }
  if (!value.is(Kind::kMap)) return copy_value(value, arena);
  MapBuilder map(arena);
  for (const Member& member : value.members())
    map.add(copy_value(member.key, arena), without(member.value, place, arena));
  return map.build();
}

}  // namespace

std::optional<AskedText> take_text(const Value& input, const std::string& pointer) {
  const Value* place = pointer.empty() ? said_last(input) : input.at_pointer(pointer);
  if (place == nullptr || !place->is(Kind::kString) || place->as_string().empty()) return std::nullopt;
  auto arena = std::make_shared<Arena>();
  const Value rest = without(input, place, *arena);
  return AskedText{place->as_string(), Document(std::move(arena), rest)};
}

}  // namespace switchyard::router
