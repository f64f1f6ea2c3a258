extension DatasetCatalog {
  /// The sets of texts. Their homes publish no sums: these are of the files as they were on 2026-11-20.
  static let texts = [
    textSet(
      "clinc150", "CLINC150", "22,500 questions, 150 intents in 10 domains, and questions of none",
      licence: "CC BY 3.0",
      homepage: "https://github.com/clinc/oos-eval",
      from: "https://raw.githubusercontent.com/clinc/oos-eval/master/",
      [
        ("data/data_full.json", 2_495_390, "30c29dc6ab78edf3b5dfa640be204cde"),
        ("data/domains.json", 3_818, "9beee9d0f36e07e914c1e3a626bdcb4a"),
      ]),
    textSet(
      "banking77", "Banking77", "13,083 questions of bank customers, 77 intents", licence: "CC BY 4.0",
      homepage: "https://github.com/PolyAI-LDN/task-specific-datasets",
      from: "https://raw.githubusercontent.com/PolyAI-LDN/task-specific-datasets/master/",
      [
        ("banking_data/train.csv", 839_073, "cec64185f4197906aabce0781ef9a19b"),
        ("banking_data/test.csv", 239_961, "8dcd9dc31b686c75ec1f24bf23c140cb"),
        ("banking_data/categories.json", 2_036, "8312ff01430af97fba5a113b7a490269"),
      ]),
    textSet(
      "multi30k", "Multi30k", "31,000 captions of pictures in Czech, English, French and German",
      licence: "for research",
      homepage: "https://github.com/multi30k/dataset",
      from: "https://raw.githubusercontent.com/multi30k/dataset/master/",
      [
        ("data/task1/raw/train.cs.gz", 593_827, "d9a5fc268917725a2b0efce3a0cc8607"),
        ("data/task1/raw/train.de.gz", 637_044, "81ff90b99829c0cd4b1b587d394afd39"),
        ("data/task1/raw/train.en.gz", 568_929, "0065d13af80720a55ca8153d126e6627"),
        ("data/task1/raw/train.fr.gz", 604_242, "6cb767741dcad3931f966fefbc05203f"),
        ("data/task1/raw/val.cs.gz", 22_096, "83cdc082f646b769095615384cf5c0ca"),
        ("data/task1/raw/val.de.gz", 24_681, "6e0e229eb049e3fc99a1ef02fb2d5f91"),
        ("data/task1/raw/val.en.gz", 21_650, "2b69aa9253948ac9f67e94917272dd40"),
        ("data/task1/raw/val.fr.gz", 23_001, "93fc564584b7e5ba410c761ea5a1c682"),
        ("data/task1/raw/test_2016_flickr.cs.gz", 22_572, "3104872229daa1bef3b401d44dd2220b"),
        ("data/task1/raw/test_2016_flickr.de.gz", 22_890, "efd67d314d98489b716b145475101932"),
        ("data/task1/raw/test_2016_flickr.en.gz", 21_077, "ff2c0fcb4893a13bd73414306bc250ae"),
        ("data/task1/raw/test_2016_flickr.fr.gz", 22_310, "08dc7cd4a662f31718412de95ca9bfe3"),
      ]),
    textSet(
      "tinyshakespeare", "tiny Shakespeare", "1.1 million characters of plays, as nanoGPT uses them",
      licence: "public domain",
      homepage: "https://github.com/karpathy/char-rnn",
      from: "https://raw.githubusercontent.com/karpathy/char-rnn/master/data/tinyshakespeare/",
      [
        ("input.txt", 1_115_394, "6fb458f1232090904fb40fe944165e91")
      ]),
    textSet(
      "nltk-corpora", "Corpora of NLTK", "Genesis, State of the Union and inaugural speeches",
      licence: "public domain",
      homepage: "https://www.nltk.org/nltk_data/",
      from: "https://raw.githubusercontent.com/nltk/nltk_data/gh-pages/packages/corpora/",
      [
        ("genesis.zip", 473_239, "2a76432753c01fe179684e0ae3a4d023"),
        ("inaugural.zip", 346_476, "4e01cc9505ed7f9d04a330e67fb45509"),
        ("state_union.zip", 808_757, "044f2d20c592b17a26ac0102111833c9"),
      ]),
    textSet(
      "wikitext-2", "WikiText-2", "validation and test articles of an encyclopaedia", licence: "CC BY-SA 3.0",
      homepage: "https://huggingface.co/datasets/Salesforce/wikitext",
      from: "https://raw.githubusercontent.com/pytorch/examples/main/word_language_model/data/wikitext-2/",
      [
        ("valid.txt", 1_121_681, "d756d22ab2310e7e60c094bea5c5a8eb"),
        ("test.txt", 1_256_449, "781c9418ab9414bd09e4aad825aae752"),
      ]),
  ]

  /// - Parameter files: paths below the base, which are those in the folder too, with sizes and MD5 sums.
  private static func textSet(
    _ name: String, _ title: String, _ summary: String, licence: String, homepage: String, from base: String,
    _ files: [(path: String, size: Int, md5: String)]
  ) -> CatalogDataset {
    CatalogDataset(
      name: name, title: title, modality: .text, summary: summary, licence: licence, homepage: homepage,
      folders: [name],
      files: files.map { RemoteFile($0.path, [base + $0.path], size: $0.size, md5: $0.md5) })
  }
}
