//! The rules of a JAHIS file, each with its sentence.

use super::finding::{Rule, Severity};

macro_rules! rules {
    ($($name:ident $slug:literal $severity:ident $ja:literal $en:literal;)*) => {
        $(#[doc = $en]
        pub static $name: Rule = Rule { slug: $slug, severity: Severity::$severity, ja: $ja, en: $en };)*
        pub(super) static ALL: &[&Rule] = &[$(&$name),*];
    };
}

rules! {
    // Fatal for the record.
    PATIENT_MISSING "patient-missing" Error
        "患者の情報（レコード1）がありません。出力元に再発行を依頼するか、患者を選んで取り込んでください。"
        "The record of the patient (1) is missing. Ask the sender for a new one, or name the patient when importing.";
    PATIENT_NAME "patient-name-unreadable" Error
        "患者の氏名が読めません（「{}」）。出力元に再発行を依頼してください。"
        "The patient's name cannot be read (“{}”). Ask the sender for a new file.";
    PATIENT_BIRTH "patient-birth-unreadable" Error
        "患者の生年月日が読めません（「{}」）。出力元に再発行を依頼してください。"
        "The patient's birth date cannot be read (“{}”). Ask the sender for a new file.";
    PATIENT_TWICE "patient-twice" Error
        "一つの記録に異なる患者が書かれています（「{}」）。混ざったデータは取り込めません。出力元に確認してください。"
        "One record names two different patients (“{}”). Mixed records are not taken in: ask the sender.";
    DRUG_CODE_MISSING "drug-code-missing" Error
        "薬品「{}」は、コード種別が「1（コードなし）」ではないのに薬品コードがありません。出力元に確認してください。"
        "The drug “{}” has no code although its code kind is not 1 (none). Ask the sender.";
    INGREDIENT_WITHOUT_OTC "ingredient-without-otc" Error
        "要指導・一般用医薬品の成分（通番「{}」）に対応する薬品（レコード3）がありません。出力元に確認してください。"
        "The ingredient with serial “{}” has no OTC drug (record 3) that it belongs to. Ask the sender.";
    PARTS_MISSING "parts-missing" Error
        "分割されたデータの {} 番がありません（届いたのは {} 番、全部で {} 個）。足りないQRコードを読み取ってください。"
        "Part {} of this record is missing (have {} of {}). Read the missing QR code too.";
    PART_CONFLICT "part-conflict" Error
        "分割データの {} 番が、内容の異なる二つのものとして届きました。QRコードを読み直してください。"
        "Part {} came twice with different contents. Read the QR codes again.";
    PART_UNREADABLE "part-unreadable" Error
        "分割制御（レコード911）が読めません（「{}」）。全部揃っているか判断できません。QRコードを読み直してください。"
        "The split control (911) cannot be read (“{}”), so nobody can tell whether all is here. Read the QR codes again.";
    SYMBOL_MISSING "symbol-missing" Error
        "連結QRコードの {} 番がありません（届いたのは {} 番、全部で {} 個）。足りないQRコードを読み取ってください。"
        "Symbol {} of a structured append is missing (have {} of {}). Read the missing QR code too.";
    SYMBOL_CONFLICT "symbol-conflict" Error
        "連結QRコードの {} 番が、内容の異なる二つのものとして届きました。QRコードを読み直してください。"
        "Symbol {} of a structured append came twice with different contents. Read the QR codes again.";
    // The file is unreadable.
    FILE_UNREADABLE "file-unreadable" Error
        "ファイルを開けません（{}）。名前と権限を確かめてください。"
        "The file cannot be opened ({}). Check its name and permissions.";
    FILE_TOO_LARGE "file-too-large" Error
        "ファイルが大きすぎます（上限 {}）。お薬手帳のデータか確かめてください。"
        "The file is larger than {}. Check that it is a medication record.";
    NOT_JAHIS "not-jahis" Error
        "「JAHISTC」で始まる行がありません（最初は「{}」）。電子版お薬手帳のデータを選んでください。"
        "No line begins with JAHISTC (it begins with “{}”). Choose a JAHIS medication record.";
    PICTURE_BROKEN "picture-broken" Error
        "画像を読めません（{}）。PNG か JPEG で保存し直してください。"
        "The picture cannot be read ({}). Save it again as PNG or JPEG.";
    PICTURE_TOO_LARGE "picture-too-large" Error
        "画像が大きすぎます（{}）。2400万画素以下に縮めてください。"
        "The picture is too large ({}). Make it at most 24 megapixels.";
    PICTURE_WITHOUT_QR "picture-without-qr" Error
        "画像にQRコードが見つかりません。明るい場所で、QRコード全体が入るように撮り直してください。"
        "No QR code was found in the picture. Take it again in good light, with the whole code in view.";
    // The form of the file.
    QR_NOT_JAHIS "qr-not-jahis" Note
        "お薬手帳ではないQRコードがありました（「{}」）。読み飛ばしました。"
        "A QR code that is no medication record (“{}”) was passed over.";
    SYMBOL_PARITY "symbol-parity" Warning
        "連結QRコードのパリティが内容と合いません（{}）。内容を印刷物と見比べてください。"
        "The parity of the structured append does not fit its contents ({}). Compare them with the print.";
    BEFORE_HEADER "line-before-header" Warning
        "JAHISTC の行より前にある行を読み飛ばしました（「{}」）。内容を確かめてください。"
        "A line before the first JAHISTC line was passed over (“{}”). Look at it.";
    CHARSET_UTF8 "charset-utf8" Note
        "文字コードが UTF-8 です（規定は CP932）。読み取りました。対応は不要です。"
        "The file is in UTF-8 (the specification says CP932). It was read; nothing to do.";
    LINE_END "line-end" Note
        "改行が CRLF ではありません（{}）。読み取りました。対応は不要です。"
        "Lines do not end in CRLF ({}). They were read; nothing to do.";
    BYTES_UNREADABLE "bytes-unreadable" Warning
        "読めない文字があります（「{}」）。印刷物と見比べてください。"
        "Characters of this line cannot be read (“{}”). Compare it with the print.";
    VERSION_UNKNOWN "version-unknown" Warning
        "版「{}」は知られていません。JAHISTC08 として読みました。内容を確かめてください。"
        "Version “{}” is not known; it was read as JAHISTC08. Look at the result.";
    CATEGORY_MISSING "output-category-missing" Note
        "出力区分が読めません（「{}」）。対応は不要です。"
        "The output category cannot be read (“{}”). Nothing to do.";
    PART_DOUBLED "part-doubled" Note
        "分割データの {} 番が同じ内容で二度届きました。一つとして扱います。対応は不要です。"
        "Part {} came twice and is the same; it counts once. Nothing to do.";
    // Records.
    RECORD_UNKNOWN "record-unknown" Note
        "知らないレコード「{}」です。そのまま保管します。対応は不要です。"
        "Record “{}” is not known; the line is kept as it is. Nothing to do.";
    RECORD_NEWER "record-newer-than-version" Note
        "レコード {} はこの版にはまだありません。読み取りました。対応は不要です。"
        "Record {} does not exist in this version; it was read. Nothing to do.";
    RECORD_ORDER "record-order" Note
        "レコード {} の位置が規定と異なります。読み取りました。対応は不要です。"
        "Record {} stands in another place than specified; it was read. Nothing to do.";
    RECORD_REPEATED "record-repeated" Warning
        "一度だけのはずのレコード {} が繰り返されています。二つ目はそのまま保管します。内容を確かめてください。"
        "Record {} may stand once only; the second line is kept as it is. Look at it.";
    VISIT_MISSING "visit-missing" Warning
        "レコード {} の前に調剤年月日（レコード5）がありません。日付のない調剤として読みました。日付を確かめてください。"
        "No dispensing date (record 5) stands before record {}; it was read as a dispensing without date. Ask for the date.";
    CAUTION_WITHOUT_DRUG "supplement-without-drug" Warning
        "レコード {} の前に薬品（レコード201）がありません。そのまま保管します。どの薬のことか確かめてください。"
        "No drug (201) stands before record {}; the line is kept as it is. Find out which drug it is about.";
    USAGE_MISSING "usage-missing" Warning
        "RP {} に用法（レコード301）がありません。飲み方を確かめてください。"
        "RP {} has no usage (301). Find out how it is taken.";
    USAGE_REPEATED "usage-repeated" Warning
        "RP {} に用法（レコード301）が二つ以上あります。どちらも残しました。飲み方を確かめてください。"
        "RP {} has more than one usage (301); all are kept. Find out how it is taken.";
    USAGE_WITHOUT_DRUG "usage-without-drug" Warning
        "RP {} に薬品（レコード201）がありません。薬が抜けていないか確かめてください。"
        "RP {} has no drug (201). Check whether a drug is missing.";
    RP_UNREADABLE "rp-unreadable" Warning
        "RP番号が読めません（「{}」）。番号0として読みました。どの用法の薬か確かめてください。"
        "The RP number cannot be read (“{}”); it was read as 0. Check which usage belongs to which drug.";
    RP_MISMATCH "rp-mismatch" Warning
        "直前の薬品とRP番号が違います（「{}」）。直前の薬品のものとして読みました。確かめてください。"
        "The RP number (“{}”) is not that of the drug before; it was taken as that drug's. Check it.";
    VISIT_ORDER "visit-order" Note
        "調剤日が新しい順に並んでいません（「{}」）。読み取りました。対応は不要です。"
        "Dispensings are not newest first (“{}”). They were read; nothing to do.";
    // Fields.
    FIELDS_FEW "fields-few" Note
        "項目の数が足りません（{}）。足りない項目は空として読みました。対応は不要です。"
        "The line has too few fields ({}); the missing ones were read as empty. Nothing to do.";
    FIELDS_NEWER "fields-newer-than-version" Note
        "この版より新しい項目があります（{}）。読み取りました。対応は不要です。"
        "The line has fields of a later version ({}); they were read. Nothing to do.";
    FIELDS_MANY "fields-many" Warning
        "項目が多すぎます（余り「{}」）。項目がずれていないか確かめてください。"
        "The line has too many fields (surplus “{}”). Check whether fields have shifted.";
    FIELD_REQUIRED "field-required" Warning
        "必須の項目「{}」が空です。出力元に確かめてください。"
        "The required field “{}” is empty. Ask the sender.";
    FIELD_SPACES "field-spaces" Warning
        "値の前後に空白があります（「{}」）。そのまま保管しました。コードが正しいか確かめてください。"
        "There are spaces around the value (“{}”); it is kept as written. Check that the code is right.";
    DATE_UNREADABLE "date-unreadable" Warning
        "日付が読めません（「{}」）。そのまま保管しました。日付を確かめてください。"
        "The date cannot be read (“{}”); it is kept as written. Find out the date.";
    DATE_FORMAT "date-format" Warning
        "日付の書き方が規定と異なります（「{}」）。読み取りました。正しく読めているか確かめてください。"
        "The date is not written as specified (“{}”); it was read. Check that it was read right.";
    NUMBER_UNREADABLE "number-unreadable" Warning
        "数として読めません（「{}」）。そのまま表示します。量を確かめてください。"
        "This is no number (“{}”); it is shown as written. Check the amount.";
    VALUE_UNKNOWN "value-unknown" Warning
        "規定にない値です（「{}」）。確かめてください。"
        "The value (“{}”) is not one of the specification's. Check it.";
    CODE_FORM "code-form" Warning
        "コードの桁や文字がその種別に合いません（「{}」）。薬やコードが正しいか確かめてください。"
        "The code (“{}”) does not have the form of its kind. Check that it is right.";
    CODE_CHECK_DIGIT "code-check-digit" Warning
        "コードの検査数字が合いません（「{}」）。どの薬か確かめてください。"
        "The check digit of the code (“{}”) is wrong. Check which drug it is.";
    CODE_UNEXPECTED "code-unexpected" Warning
        "コード種別が「1（コードなし）」なのにコード「{}」があります。どの薬か確かめてください。"
        "The code kind is 1 (none) but there is a code “{}”. Check which drug it is.";
    USAGE_NAME_EMPTY "usage-name-empty" Warning
        "用法の名称もコードもありません（剤形「{}」）。飲み方・使い方を確かめてください。"
        "The usage has neither name nor code (dosage form “{}”). Find out how it is used.";
    // Writing.
    CHAR_REPLACED "character-replaced" Note
        "CP932 にない文字を同じ意味の文字に置き換えました（{}）。対応は不要です。"
        "A character outside CP932 was written as its equivalent ({}). Nothing to do.";
    CHAR_UNMAPPABLE "character-unmappable" Warning
        "CP932 にない文字を「■」と書きました（{}）。受け取る側に伝えてください。"
        "A character outside CP932 was written as ■ ({}). Tell whoever receives the file.";
    NOT_IN_FORMAT "not-in-format" Note
        "この形式には書けない内容があります（{}）。ここでの記録には残っています。"
        "The format has no place for this ({}). It stays in the record here.";
}
