"""Words for question, option and key in the headers of files, by language, in small letters without accents."""

from __future__ import annotations

QUESTIONS = {
    *("question", "stem", "qtext", "questiontext", "questionstem", "fullquestion"),
    *("frage", "fragestellung", "fragetext", "prufungsfrage"),
    *("enonce", "pregunta", "enunciado", "pergunta", "questao", "domanda", "quesito", "vraag", "vraagtekst"),
    *("题目", "题干", "问题", "试题", "題目", "題幹", "問題", "問題文", "設問", "質問", "질문", "문제", "문항"),
}
"""Whole names."""
OPTIONS = {
    *("option", "options", "opt", "op", "choice", "choices", "answer", "answers", "ans"),
    *("alternative", "alternatives", "candidate", "candidates", "ending", "endings"),
    *("antwort", "antwortoption", "antwortmoglichkeit", "auswahl", "reponse", "proposition", "choix"),
    *("opcion", "respuesta", "alternativa", "opcao", "resposta", "opzione", "risposta", "antwoord", "optie"),
    *("选项", "選項", "選択肢", "选择", "보기", "선택지", "답안"),
}
"""What stands before the letter or the number of a column with one option."""
LISTS = (
    *("options", "choices", "option", "choice", "answerchoices", "answeroptions", "alternatives", "candidates"),
    *("endings", "antwortoptionen", "antwortmoglichkeiten", "auswahlmoglichkeiten", "propositions", "opciones"),
    *("alternativas", "opcoes", "opzioni", "选项", "選項", "選択肢", "보기", "선택지", "answers", "antworten"),
)
"""Whole names of fields with all options, those first that hold nothing else; the last two may hold keys."""
MAY_BE_KEYS = {"answers", "antworten"}
KEYS = {
    *("label", "labels", "target", "key", "truth", "groundtruth", "solution", "finaldecision", "decision"),
    *(
        "答案",
        "正确答案",
        "正確答案",
        "标准答案",
        "標準答案",
        "参考答案",
        "正确选项",
        "正解",
        "正答",
        "解答",
        "정답",
        "답",
    ),
}
"""Whole names."""
KEY_WORDS = {
    *("answer", "answers", "ans", "correct", "gold", "cop", "ra"),
    *("antwort", "losung", "loesung", "richtig", "richtige", "korrekt", "korrekte", "losungsbuchstabe"),
    *("respuesta", "correcta", "correcto", "reponse", "correcte", "resposta", "correta", "correto", "gabarito"),
    *("risposta", "corretta", "corretto", "esatta", "soluzione", "solucion", "antwoord"),
}
"""A name with such a word is a key's."""
BESIDE = {
    *("explanation", "explanations", "exp", "rationale", "reason", "reasoning", "type", "source", "long", "full"),
    *("open", "free", "comment", "comments", "feedback", "note", "notes", "time", "date", "validator"),
    *("url", "link", "image", "format", "count", "start", "pred"),
    *("erklarung", "begrundung", "erlauterung", "kommentar", "quelle", "explication", "justification"),
    *("explicacion", "justificacion", "comentario", "explicacao", "justificativa", "spiegazione", "commento"),
}
"""A name with such a word is of something beside the key: ``answer_explanation``, ``long_answer``."""
WRONG = {"incorrect", "wrong", "distractor", "distractors", "falsch", "falsche", "incorrecta", "incorrecte", "errada"}
"""A name with such a word holds an option that is not the key."""
RIGHT = {
    *("answer", "correct", "correctanswer", "rightanswer", "correctoption", "correctchoice", "key"),
    *("antwort", "richtigeantwort", "korrekteantwort", "respuestacorrecta", "bonnereponse", "respostacorreta"),
}
"""Whole names of the key's text beside such options."""
SAID = r"option|choice|answer|antwort|lösung|réponse|opción|respuesta|opção|alternativa|resposta|opzione|risposta|key"
"""What stands before a key in its own cell: ``Option B``, ``Antwort: B``."""
CONTEXTS = {"context", "passage", "contexts"}
