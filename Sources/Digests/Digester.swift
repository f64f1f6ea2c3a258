import Foundation

#if canImport(CryptoKit)
  import CryptoKit
#else
  import COpenSSL
#endif

/// Takes bytes piece by piece and gives their digest, by the system's own library: OpenSSL's libcrypto, CryptoKit on Apple's.
public final class Digester {
  #if canImport(CryptoKit)
    private var hash: any HashFunction
  #else
    private let context: OpaquePointer?
  #endif

  /// For SHA-256, which no library refuses.
  public init() {
    #if canImport(CryptoKit)
      hash = SHA256()
    #else
      context = EVP_MD_CTX_new()
      let isReady = EVP_DigestInit_ex(context, EVP_sha256(), nil)
      precondition(isReady == 1, "libcrypto does not compute SHA-256")
    #endif
  }

  /// For MD5, which protects from no malice, and which data sets publish.
  ///
  /// - Throws: ``DigestError`` where the system's library refuses it, as one in FIPS mode does.
  public init(md5: Void) throws {
    #if canImport(CryptoKit)
      hash = Insecure.MD5()
    #else
      context = EVP_MD_CTX_new()
      guard EVP_DigestInit_ex(context, EVP_md5(), nil) == 1 else { throw DigestError() }
    #endif
  }

  #if !canImport(CryptoKit)
    deinit { EVP_MD_CTX_free(context) }
  #endif

  /// Takes more bytes.
  public func update(_ bytes: some ContiguousBytes) {
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
  public func finish() -> Digest {
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

/// The system's library for digests refuses an algorithm.
public struct DigestError: Error, CustomStringConvertible {
  public var description: String { "the system's cryptographic library does not compute MD5" }
}

extension Digest {
  /// SHA-256 of bytes that are all there.
  public init(sha256 bytes: some ContiguousBytes) {
    let digester = Digester()
    digester.update(bytes)
    self = digester.finish()
  }
}
