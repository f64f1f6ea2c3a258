/// A token of a word, and how many bytes of it the token covers.
struct Token: Sendable {
  var id: Int32
  var length: Int32
}
