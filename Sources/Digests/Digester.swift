import Foundation

#if canImport(CryptoKit)
  import CryptoKit
#else
  import COpenSSL
#endif

/// Takes bytes piece by piece and gives their digest, by the system's own library: OpenSSL's libcrypto, CryptoKit on Apple's.
package final class Digester {
  #if canImport(CryptoKit)
    private var hash: any HashFunction

    private init(_ hash: any HashFunction) { self.hash = hash }
  #else
    private let context: OpaquePointer?
    /// False where libcrypto refuses the algorithm.
    private let isReady: Bool

    private init(_ algorithm: OpaquePointer?) {
      context = EVP_MD_CTX_new()
      isReady = EVP_DigestInit_ex(context, algorithm, nil) == 1
    }

    deinit { EVP_MD_CTX_free(context) }
  #endif

  /// A digester for SHA-256, which no library refuses.
  package static func sha256() -> Digester {
    #if canImport(CryptoKit)
      return Digester(SHA256())
    #else
      let digester = Digester(EVP_sha256())
      precondition(digester.isReady, "libcrypto computes no SHA-256")
      return digester
    #endif
  }

  /// A digester for MD5, which protects from no malice, and which data sets publish.
  ///
  /// - Throws: ``DigestError`` where the system's library refuses it, as one in FIPS mode does.
  package static func md5() throws -> Digester {
    #if canImport(CryptoKit)
      return Digester(Insecure.MD5())
    #else
      let digester = Digester(EVP_md5())
      guard digester.isReady else { throw DigestError() }
      return digester
    #endif
  }

  /// Takes more bytes.
  package func update(_ bytes: some ContiguousBytes) {
    bytes.withUnsafeBytes { bytes in
      #if canImport(CryptoKit)
        hash.update(bufferPointer: bytes)
      #else
        let isTaken = EVP_DigestUpdate(context, bytes.baseAddress, bytes.count)
        precondition(isTaken == 1, "libcrypto takes no bytes after the digest")
      #endif
    }
  }

  /// The digest of all bytes, after which no more can be taken.
  package func finish() -> Digest {
    #if canImport(CryptoKit)
      return Digest(bytes: Array(hash.finalize()))
    #else
      var bytes = [UInt8](repeating: 0, count: Int(EVP_MAX_MD_SIZE))
      var count: UInt32 = 0
      let isDone = EVP_DigestFinal_ex(context, &bytes, &count)
      precondition(isDone == 1, "libcrypto gives a digest once")
      return Digest(bytes: Array(bytes.prefix(Int(count))))
    #endif
  }
}

/// The system's library for digests refuses MD5.
package struct DigestError: Error, CustomStringConvertible {
  package var description: String { "the system's cryptographic library does not compute MD5" }
}
