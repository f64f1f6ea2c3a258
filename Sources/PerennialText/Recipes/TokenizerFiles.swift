import Foundation
import PerennialTokenizers

/// What says how a recipe's texts become tokens.
public enum TokenizerFiles {
  /// The files of a model's folder.
  case folder(URL)
  /// One that another file holds, or that was learned from the texts.
  case tokenizer(Tokenizer)
}
