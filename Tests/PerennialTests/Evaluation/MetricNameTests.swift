import Foundation
import Testing

@testable import Perennial

@Suite struct MetricNameTests {
  @Test func everyStandardMetricIsExplained() {
    #expect(MetricName.standard.count == 10)
    for name in MetricName.standard {
      #expect(!name.explanation.isEmpty && name.isFraction)
      #expect(!name.title.contains("_"))
    }
    #expect(MetricName.backwardTransfer.title == "backward transfer")
    #expect(!("perplexity" as MetricName).isFraction)
  }

  @Test func undefinedMetricsAreNullAndStayUndefined() throws {
    var values = MetricValues([.forgetting: 0.25])
    values["zeal"] = 1
    values["bleu"] = 30
    let text = try OrderedJSON.text(values, .compact)
    #expect(text.hasPrefix(#"{"average_accuracy": null, "average_incremental_accuracy": null, "#))
    #expect(text.hasSuffix(#""negative_flip_rate": null, "bleu": 30.0, "zeal": 1.0}"#))
    #expect(try JSONDecoder().decode(MetricValues.self, from: Data(text.utf8)) == values)
  }
}
