#include "switchyard/archive/archive.h"
#include "switchyard/base/bytes.h"

namespace switchyard::archive {

void add_record(Bundle& bundle, const log::RecordView& record) {
  ByteWriter out(bundle.bytes);
  // `last` is the record before until the end is known; offsets ascend.
  const uint64_t before = bundle.records == 0 ? bundle.first.value : bundle.last.value;
  out.varint(record.offset.value - before);
  out.varint(record.epoch.value);
  out.u8(record.version);
  out.u8(record.type);
  out.varint(record.step);
  out.svarint(record.time_us);
  out.bytes(record.payload);
  ++bundle.records;
  bundle.last = record.offset;
}

Status for_each_record(const Bundle& bundle, const std::function<bool(const log::RecordView&)>& visit) {
  ByteReader in(bundle.bytes);
  uint64_t offset = bundle.first.value;
  for (uint32_t i = 0; i < bundle.records; ++i) {
    log::RecordView record;
    record.run = bundle.run;
    offset += in.varint();
    record.offset = LogOffset(offset);
    record.epoch = Epoch(static_cast<uint32_t>(in.varint()));
    record.version = in.u8();
    record.type = in.u8();
    record.step = static_cast<uint16_t>(in.varint());
    record.time_us = in.svarint();
    record.payload = in.bytes();
    if (!in.ok()) {
      return make_error(ErrorKind::kCorruption, "archive.corrupt",
                        "the archived history of " + bundle.run.to_string() +
                            " cannot be read; bring the archive back from a backup");
    }
    if (!visit(record)) return {};
  }
  return {};
}

void Builder::add(const log::RecordView& record, uint32_t flags) {
  Bundle& bundle = bundles_[record.run];
  if (bundle.records == 0) {
    bundle.run = record.run;
    bundle.first = record.offset;
  }
  bundle.flags |= flags;
  const size_t before = bundle.bytes.size();
  add_record(bundle, record);
  bytes_ += bundle.bytes.size() - before;
}

}  // namespace switchyard::archive
