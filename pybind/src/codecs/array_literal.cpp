// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
#include "pgstride/protocol/codec/array_literal.hpp"

#include <span>

#include "pgstride/pybind/src/codecs/array_shape.hpp"
#include "pgstride/pybind/src/codecs/conversions.hpp"

namespace pgstride::python {
namespace {

PyObject* refuse_literal(Bytes literal, const char* reason) {
  const Ref text = Ref::steal(make_text(literal));
  const Ref type = text ? exception_type("ProtocolError") : Ref();
  if (!type) return nullptr;
  return PyErr_Format(type.get(), "malformed array literal %R: %s", text.get(), reason);
}

struct Source {
  ArrayLiteralReader reader;
  Bytes value;
  const TypeCodec& element;
};

/// What stands behind an opening brace, up to the closing one.
PyObject* read_list(Source& source) {
  Ref list = Ref::steal(PyList_New(0));
  while (list) {
    Ref item;
    switch (source.reader.next()) {
      case LiteralToken::close: return list.release();
      case LiteralToken::open: item = Ref::steal(read_list(source)); break;
      case LiteralToken::null: item = Ref::borrow(Py_None); break;
      case LiteralToken::element:
        item = Ref::steal(source.element.decode(as_bytes(source.reader.text()), source.element));
        break;
      case LiteralToken::end:
      case LiteralToken::malformed: return refuse_literal(source.value, source.reader.reason());
    }
    if (!item || PyList_Append(list.get(), item.get()) != 0) return nullptr;
  }
  return nullptr;
}

class LiteralWriter {
 public:
  LiteralWriter(const ArrayShape& shape, WriteBuffer& out, const TypeCodec& element)
      : shape_(shape), out_(out), element_(element) {}

  bool write() {
    ArrayLiteral literal(out_, element_.delimiter);
    const auto dimensions = shape_.dimensions();
    if (!dimensions.empty() && !write_items(literal, dimensions)) return false;
    literal.close();
    return true;
  }

 private:
  bool write_items(ArrayLiteral& literal, std::span<const ArrayDimension> dimensions) {
    const auto inner = dimensions.subspan(1);
    for (std::int32_t i = 0; i < dimensions.front().size; ++i) {
      if (inner.empty()) {
        if (!write_element(literal, shape_.elements()[next_++].get())) return false;
      } else {
        literal.nested();
        ArrayLiteral nested(out_, element_.delimiter);
        if (!write_items(nested, inner)) return false;
        nested.close();
      }
    }
    return true;
  }

  bool write_element(ArrayLiteral& literal, PyObject* item) {
    if (item == Py_None) return literal.null(), true;
    if (!element_.encode(item, text_, element_)) return blame_element(-1), false;
    literal.element(as_text(text_.pending()));
    text_.consume(text_.pending().size());
    return true;
  }

  const ArrayShape& shape_;
  WriteBuffer& out_;
  const TypeCodec& element_;
  std::size_t next_ = 0;
  WriteBuffer text_;  // of one element, before it is quoted
};

}  // namespace

PyObject* decode_array_literal(Bytes literal, const TypeCodec& codec) {
  Source source{ArrayLiteralReader(as_text(literal), codec.element->delimiter), literal, *codec.element};
  if (source.reader.next() != LiteralToken::open) return refuse_literal(literal, source.reader.reason());
  Ref list = Ref::steal(read_list(source));
  if (list && source.reader.next() != LiteralToken::end)
    return refuse_literal(literal, source.reader.reason());
  return list.release();
}

bool encode_array_literal(PyObject* object, WriteBuffer& out, const TypeCodec& codec) {
  ArrayShape shape;
  if (!shape.measure(object)) return false;
  const auto start = out.position();
  if (LiteralWriter(shape, out, *codec.element).write()) return true;
  out.truncate(start);
  return false;
}

}  // namespace pgstride::python
