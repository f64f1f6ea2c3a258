import Testing

@testable import PerennialExport

struct ModelCardTests {
  @Test func aCardBeginsWithItsMetadata() {
    var card = ModelCard(name: "a: \"b\"", summary: "What it is.", task: "image-classification")
    card.datasets = ["mnist"]
    card.measurements = [ModelCard.Measurement(dataset: "mnist", metric: "accuracy", value: 0.9)]
    card.sections = [ModelCard.Section("Title", "Text.")]
    #expect(
      card.markdown == """
        ---
        library_name: perennial
        pipeline_tag: "image-classification"
        tags: ["continual-learning"]
        datasets: ["mnist"]
        metrics: ["accuracy"]
        model-index:
          - name: "a: \\"b\\""
            results:
              - task: {type: "image-classification"}
                dataset: {name: "mnist", type: "mnist"}
                metrics: [{type: "accuracy", value: 0.9}]
        ---

        # a: "b"

        What it is.

        ## Title

        Text.

        """)
  }

  @Test func tablesHoldAnything() {
    #expect(
      ModelCard.table(["a", "b"], [["x|y", "two\nlines"]])
        == "| a | b |\n| --- | --- |\n| x\\|y | two lines |")
    #expect(ModelCard.percent(0.12345) == "12.3 %")
    #expect(ModelCard.size(1_234_567) == "1.23 MB")
    #expect(ModelCard.size(4896) == "4.9 kB")
    #expect(ModelCard.quoted("tab\tand \\") == "\"tab and \\\\\"")
  }
}
