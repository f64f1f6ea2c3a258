import Foundation
import Testing

@testable import PerennialTokenizers

@Suite struct ChatFormatTests {
  let talk = [
    ChatMessage(.system, "Be brief."), ChatMessage(.user, "Hi"), ChatMessage(.assistant, "Hello!"),
    ChatMessage(.user, "Bye"),
  ]

  @Test func templatesAreRecognisedByTheirMarks() throws {
    let templates: [(String, ChatFormat)] = [
      (
        "{% for m in messages %}{{'<|im_start|>' + m.role + '\\n' + m.content + '<|im_end|>'}}{% endfor %}",
        .chatML()
      ),
      (
        "{{ '<|im_start|>system\\nYou are a helpful assistant.<|im_end|>\\n' }}",
        .chatML(defaultSystem: "You are a helpful assistant.")
      ),
      ("{{ bos_token + '[INST] <<SYS>>\\n' + system + '\\n<</SYS>>\\n\\n' }}", .llama2),
      ("{{ '<|start_header_id|>' + role + '<|end_header_id|>' + content + '<|eot_id|>' }}", .llama3),
      ("{{ '<start_of_turn>' + role + content + '<end_of_turn>' }}", .gemma),
      ("{{ bos_token }}{{ ' [INST] ' + content + ' [/INST]' }}", .mistral),
    ]
    for (template, format) in templates { #expect(try ChatFormat(template: template) == format) }
    #expect(
      throws: TokenizerError.unknownChatTemplate(
        file: "f", template: "{{ messages }}",
        known: ["ChatML", "Qwen2", "Llama 2", "Llama 3", "Gemma", "Mistral"])
    ) { try ChatFormat(template: "{{ messages }}", file: "f") }
  }

  @Test func texts() throws {
    let expected: [(ChatFormat, String)] = [
      (
        .chatML(defaultSystem: "unused"),
        "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\nHello!<|im_end|>\n<|im_start|>user\nBye<|im_end|>\n<|im_start|>assistant\n"
      ),
      (
        .llama2,
        "<s>[INST] <<SYS>>\nBe brief.\n<</SYS>>\n\nHi [/INST] Hello! </s><s>[INST] Bye [/INST]"
      ),
      (
        .llama3,
        "<|begin_of_text|><|start_header_id|>system<|end_header_id|>\n\nBe brief.<|eot_id|><|start_header_id|>user<|end_header_id|>\n\nHi<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\nHello!<|eot_id|><|start_header_id|>user<|end_header_id|>\n\nBye<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n"
      ),
      (
        .gemma,
        "<bos><start_of_turn>user\nBe brief.\n\nHi<end_of_turn>\n<start_of_turn>model\nHello!<end_of_turn>\n<start_of_turn>user\nBye<end_of_turn>\n<start_of_turn>model\n"
      ),
      (.mistral, "<s> [INST] Be brief.\n\nHi [/INST] Hello!</s> [INST] Bye [/INST]"),
      (.plain, "System: Be brief.\nUser: Hi\nAssistant: Hello!\nUser: Bye\nAssistant:"),
    ]
    for (format, text) in expected { #expect(try format.text(of: talk) == text) }
    #expect(
      try ChatFormat.chatML(defaultSystem: "D").text(of: [talk[1]], addGenerationPrompt: false)
        == "<|im_start|>system\nD<|im_end|>\n<|im_start|>user\nHi<|im_end|>\n")
  }

  @Test func turnsOutOfOrderAreRefused() {
    let refused: [(ChatFormat, [ChatMessage])] = [
      (.llama2, [ChatMessage(.assistant, "a")]),
      (.gemma, [ChatMessage(.user, "a"), ChatMessage(.user, "b")]),
      (.mistral, [ChatMessage(.system, "a")]),
      (.chatML(), [ChatMessage(.user, "a"), ChatMessage(.system, "b")]),
      (.llama3, [ChatMessage(.user, "a"), ChatMessage(.system, "b")]),
    ]
    for (format, messages) in refused {
      #expect(throws: TokenizerError.self) { try format.text(of: messages) }
    }
  }

  @Test func conversationsAreTokensOfTheirText() throws {
    let tokenizer = try TokenizerFixtures.tokenizer("qwen2")
    let ids = try tokenizer.encode(chat: talk, format: .chatML()).ids
    let start = try #require(tokenizer.id(of: "<|im_start|>"))
    #expect(ids.count { $0 == start } == 5)
    #expect(try tokenizer.decode(ids, skipSpecialTokens: false) == ChatFormat.chatML().text(of: talk))
    #expect(throws: TokenizerError.self) { try tokenizer.encode(chat: talk) }
  }
}
