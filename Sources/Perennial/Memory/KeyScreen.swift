import CNeighbours
import Torch

/// Exact search among keys in half precision on the CPU: all are compared as bytes first, which cannot lose one that is
/// among the nearest, and the few that may be are compared in full.
enum KeyScreen {
  /// Keys float16 `[n, D]` as bytes int8 `[n, D]`, and what goes with each row, float32 `[n, 3]`.
  static func encoded(_ keys: Tensor) throws -> (codes: Tensor, facts: Tensor) {
    let (count, width) = (keys.shape[0], keys.shape[1])
    let codes = try Tensor.empty([count, width], dtype: .int8)
    let facts = try Tensor.empty([count, 3])
    try keys.contiguous().withUnsafeMutableBytes { keyBytes in
      try codes.withUnsafeMutableBytes { codeBytes in
        try facts.withUnsafeMutableBytes { factBytes in
          cn_encode(
            keyBytes.baseAddress?.assumingMemoryBound(to: UInt16.self), Int64(count), Int64(width),
            codeBytes.baseAddress?.assumingMemoryBound(to: Int8.self),
            factBytes.baseAddress?.assumingMemoryBound(to: Float.self))
        }
      }
    }
    return (codes, facts)
  }

  /// Squared distances float32 and places int64 `[N, k]` of queries `[N, D]`, the nearest first, equal ones by place.
  static func search(
    _ queries: Tensor, keys: Tensor, codes: Tensor, facts: Tensor, allowed: Tensor?, neighbours: Int
  ) throws -> (distances: Tensor, places: Tensor) {
    let (count, width) = (queries.shape[0], queries.shape[1])
    let distances = try Tensor.empty([count, neighbours])
    let places = try Tensor.empty([count, neighbours], dtype: .int64)
    let isAllowed = try allowed?.to(.cpu).to(.uint8).contiguous()
    let asked = try queries.to(.cpu).to(.float32).contiguous()
    try keys.withUnsafeMutableBytes { keyBytes in
      try codes.withUnsafeMutableBytes { codeBytes in
        try facts.withUnsafeMutableBytes { factBytes in
          try asked.withUnsafeMutableBytes { queryBytes in
            try distances.withUnsafeMutableBytes { distanceBytes in
              try places.withUnsafeMutableBytes { placeBytes in
                let rows = cn_rows(
                  keys: keyBytes.baseAddress?.assumingMemoryBound(to: UInt16.self),
                  codes: codeBytes.baseAddress?.assumingMemoryBound(to: Int8.self),
                  facts: factBytes.baseAddress?.assumingMemoryBound(to: Float.self),
                  count: Int64(keys.shape[0]),
                  width: Int64(width))
                func search(_ mask: UnsafePointer<UInt8>?) {
                  cn_search(
                    rows, mask, queryBytes.baseAddress?.assumingMemoryBound(to: Float.self), Int64(count),
                    Int64(neighbours), Int32(Runtime.threads),
                    distanceBytes.baseAddress?.assumingMemoryBound(to: Float.self),
                    placeBytes.baseAddress?.assumingMemoryBound(to: Int64.self))
                }
                guard let isAllowed else { return search(nil) }
                try isAllowed.withUnsafeMutableBytes {
                  search($0.baseAddress.map { UnsafePointer($0.assumingMemoryBound(to: UInt8.self)) })
                }
              }
            }
          }
        }
      }
    }
    return (distances, places)
  }
}
