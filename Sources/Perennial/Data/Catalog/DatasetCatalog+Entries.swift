extension DatasetCatalog {
  static let digits = CatalogDataset(
    name: "digits", title: "Optical Recognition of Handwritten Digits", modality: .image,
    summary: "1,797 grey images of 8 × 8, 10 classes; comes with Perennial", licence: "CC BY 4.0",
    homepage: "https://doi.org/10.24432/C50P49", folders: [], files: [])

  // The MD5 sums of this and the next three are the published ones; SHA-256 is of the files they name.
  static let mnist = CatalogDataset(
    name: "mnist", title: "MNIST", modality: .image,
    summary: "60,000 + 10,000 grey images of 28 × 28, 10 digits",
    licence: "CC BY-SA 3.0", homepage: "http://yann.lecun.com/exdb/mnist/",
    folders: ["mnist", "MNIST/raw"],
    files: idx(
      [
        "https://ossci-datasets.s3.amazonaws.com/mnist/",
        "https://storage.googleapis.com/cvdf-datasets/mnist/",
      ],
      sizes: [9_912_422, 28_881, 1_648_877, 4_542],
      md5: [
        "f68b3c2dcbeaaa9fbdd348bbdeb94873", "d53e105ee54ea40749a09fcbcd1e9432",
        "9fb629c4189551a2d022fa330f9573f3",
        "ec29112dd5afa0611ce80d1b7f02629c",
      ],
      sha256: [
        "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
        "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
        "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
        "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
      ]))

  static let fashionMNIST = CatalogDataset(
    name: "fashion-mnist", title: "Fashion-MNIST", modality: .image,
    summary: "60,000 + 10,000 grey images of 28 × 28, 10 kinds of clothes", licence: "MIT",
    homepage: "https://github.com/zalandoresearch/fashion-mnist",
    folders: ["fashion-mnist", "FashionMNIST/raw"],
    files: idx(
      [
        "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
        "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
      ],
      sizes: [26_421_880, 29_515, 4_422_102, 5_148],
      md5: [
        "8d4fb7e6c68d591d4c3dfef9ec88bf0d", "25c81989df183df01b3e8a0aad5dffbe",
        "bef4ecab320f06d8554ea6380940ec79",
        "bb300cfdad3c16e7a12a480ee83cd310",
      ]))

  static let kmnist = CatalogDataset(
    name: "kmnist", title: "Kuzushiji-MNIST", modality: .image,
    summary: "60,000 + 10,000 grey images of 28 × 28, 10 cursive hiragana", licence: "CC BY-SA 4.0",
    homepage: "http://codh.rois.ac.jp/kmnist/", folders: ["kmnist", "KMNIST/raw"],
    files: idx(
      ["http://codh.rois.ac.jp/kmnist/dataset/kmnist/"], sizes: [18_165_135, 29_497, 3_041_136, 5_120],
      md5: [
        "bdb82020997e1d708af4cf47b453dcf7", "e144d726b3acfaa3e44228e80efcd344",
        "5c965bf0a639b31b8f53240b1b52f4d7",
        "7320c461ea6c1c855c0b718fb2a4b134",
      ]))

  static let emnist = CatalogDataset(
    name: "emnist", title: "EMNIST", modality: .image,
    summary: "up to 814,255 grey images of 28 × 28, 10 to 62 characters in six splits",
    licence: "public domain (NIST)",
    homepage: "https://www.nist.gov/itl/products-and-services/emnist-dataset",
    folders: ["emnist", "emnist/gzip", "EMNIST/raw"],
    files: [
      RemoteFile(
        "gzip.zip", ["https://biometrics.nist.gov/cs_links/EMNIST/gzip.zip"], size: 561_753_746,
        md5: "58c8d27c78d21e728a6bc7b3cc06412e", packing: .zip,
        members: ["balanced", "byclass", "bymerge", "digits", "letters", "mnist"].flatMap { split in
          ["train", "test"].flatMap { part in
            ["images-idx3", "labels-idx1"].map {
              RemoteFile.Member(name: "emnist-\(split)-\(part)-\($0)-ubyte.gz", md5: nil)
            }
          }
        })
    ])

  static let cifar10 = CatalogDataset(
    name: "cifar10", title: "CIFAR-10", modality: .image,
    summary: "50,000 + 10,000 colour images of 32 × 32, 10 classes",
    licence: "free for research, cite Krizhevsky 2009",
    homepage: "https://www.cs.toronto.edu/~kriz/cifar.html", folders: ["cifar-10-batches-bin", "cifar10"],
    files: [
      RemoteFile(
        "cifar-10-binary.tar.gz", ["https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz"],
        size: 170_052_171,
        md5: "c32a1d4ab5d03f1284b67883e8d87530", packing: .tarGzip,
        members: [
          .init(name: "data_batch_1.bin", md5: "5dd7e06a14cb22eb9f671a540d1b7c25"),
          .init(name: "data_batch_2.bin", md5: "5ea93a67294ea407fff1d09f752e9692"),
          .init(name: "data_batch_3.bin", md5: "942cd6a4bcdd0dd3c604fbe906cb4421"),
          .init(name: "data_batch_4.bin", md5: "ae636b3ba5c66a11e91e8cb52e771fcb"),
          .init(name: "data_batch_5.bin", md5: "53f37980c15c3d472c316c40844f3f0d"),
          .init(name: "test_batch.bin", md5: nil),
        ])
    ])

  static let cifar100 = CatalogDataset(
    name: "cifar100", title: "CIFAR-100", modality: .image,
    summary: "50,000 + 10,000 colour images of 32 × 32, 100 classes in 20 groups",
    licence: "free for research, cite Krizhevsky 2009",
    homepage: "https://www.cs.toronto.edu/~kriz/cifar.html",
    folders: ["cifar-100-binary", "cifar100"],
    files: [
      RemoteFile(
        "cifar-100-binary.tar.gz", ["https://www.cs.toronto.edu/~kriz/cifar-100-binary.tar.gz"],
        size: 168_513_733,
        md5: "03b5dce01913d631647c71ecec9e9cb8", packing: .tarGzip,
        members: [
          .init(name: "train.bin", md5: "6172c7755cfe09b2fe270c85cebc1b15"),
          .init(name: "test.bin", md5: "4499cfba6c016c1be1438163640a0898"),
        ])
    ])

  static let omniglot = CatalogDataset(
    name: "omniglot", title: "Omniglot", modality: .image,
    summary: "32,460 grey drawings of 105 × 105, 1,623 characters of 50 alphabets", licence: "MIT",
    homepage: "https://github.com/brendenlake/omniglot", folders: ["omniglot", "omniglot-py"],
    files: [
      RemoteFile(
        "images_background.zip",
        ["https://raw.githubusercontent.com/brendenlake/omniglot/master/python/images_background.zip"],
        size: 9_464_212, md5: "68d2efa1b9178cc56df9314c21c6e718"),
      RemoteFile(
        "images_evaluation.zip",
        ["https://raw.githubusercontent.com/brendenlake/omniglot/master/python/images_evaluation.zip"],
        size: 6_462_886, md5: "6b91aef0f799c5bb55b94e3f2daec811"),
    ])

  /// The four files of a set in MNIST's format.
  private static func idx(_ homes: [String], sizes: [Int], md5: [String], sha256: [String] = [])
    -> [RemoteFile]
  {
    let names = ["train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1"].map {
      "\($0)-ubyte.gz"
    }
    return names.indices.map { index in
      RemoteFile(
        names[index], homes.map { $0 + names[index] }, size: sizes[index], md5: md5[index],
        sha256: index < sha256.count ? sha256[index] : nil)
    }
  }
}
