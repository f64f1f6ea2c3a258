import Foundation

#if canImport(CryptoKit)
  import CryptoKit
#else
  import COpenSSL
#endif

/// Takes bytes piece by piece and gives their digest, by the system's own library: OpenSSL's libcrypto, CryptoKit on Apple's.
package final class Digester {
  private let name: String
  /// libcrypto does not mind being asked for more after the end, and what it gives then is the digest of nothing.
  private var isOver = false
  #if canImport(CryptoKit)
    private var hash: any HashFunction

    private init(_ name: String, _ hash: any HashFunction) { (self.name, self.hash) = (name, hash) }
  #else
    private let context: OpaquePointer?

    private init(_ name: String, _ algorithm: OpaquePointer?) throws {
      self.name = name
      context = EVP_MD_CTX_new()
      guard context != nil, EVP_DigestInit_ex(context, algorithm, nil) == 1 else {
        throw DigestError.refused(name)
      }
    }

    deinit { EVP_MD_CTX_free(context) }
  #endif

  /// A digester for SHA-256.
  ///
  /// - Throws: ``DigestError/refused(_:)`` where the system's library is set up so that it has none.
  package static func sha256() throws -> Digester {
    #if canImport(CryptoKit)
      return Digester("SHA-256", SHA256())
    #else
      return try Digester("SHA-256", EVP_sha256())
    #endif
  }

  /// A digester for MD5, which protects from no malice, and which data sets publish.
  ///
  /// - Throws: ``DigestError/refused(_:)`` where the system's library has none, as one in FIPS mode.
  package static func md5() throws -> Digester {
    #if canImport(CryptoKit)
      return Digester("MD5", Insecure.MD5())
    #else
      return try Digester("MD5", EVP_md5())
    #endif
  }

  /// Takes more bytes.
  ///
  /// - Throws: ``DigestError/over(_:)`` after ``finish()``, ``DigestError/refused(_:)``.
  package func update(_ bytes: some ContiguousBytes) throws {
    guard !isOver else { throw DigestError.over(name) }
    try bytes.withUnsafeBytes { bytes in
      #if canImport(CryptoKit)
        hash.update(bufferPointer: bytes)
      #else
        guard EVP_DigestUpdate(context, bytes.baseAddress, bytes.count) == 1 else {
          throw DigestError.refused(name)
        }
      #endif
    }
  }

  /// The digest of all bytes, after which no more can be taken.
  ///
  /// - Throws: ``DigestError/over(_:)`` when it is called again, ``DigestError/refused(_:)``.
  package func finish() throws -> Digest {
    guard !isOver else { throw DigestError.over(name) }
    isOver = true
    #if canImport(CryptoKit)
      return Digest(bytes: Array(hash.finalize()))
    #else
      var bytes = [UInt8](repeating: 0, count: Int(EVP_MAX_MD_SIZE))
      var count: UInt32 = 0
      guard EVP_DigestFinal_ex(context, &bytes, &count) == 1 else { throw DigestError.refused(name) }
      return Digest(bytes: Array(bytes.prefix(Int(count))))
    #endif
  }
}

/// Why there is no digest.
package enum DigestError: Error, CustomStringConvertible, Equatable {
  /// The system's library does not compute digests of this name.
  case refused(String)
  /// The digest of this name was given already.
  case over(String)

  package var description: String {
    switch self {
    case .refused(let name): "the system's cryptographic library does not compute \(name)"
    case .over(let name): "a digest of \(name) was given already; begin another"
    }
  }
}
