//! The sample list of drugs: real names and codes (厚労省, 12 characters), as the ministry's public price list has them.

/// A drug of the sample list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SampleDrug {
    /// As the price list writes it, full width.
    pub name: &'static str,
    /// 12-character code of the price list.
    pub code: &'static str,
    /// In which amounts are counted.
    pub unit: &'static str,
    /// 一般名 as prescriptions write it; empty where a pharmacy would print none.
    pub generic: &'static str,
}

/// Writes the list: each drug gets a name of its own, and `ALL` has all of them.
macro_rules! drugs {
    ($($key:ident: $name:literal, $code:literal, $unit:literal, $generic:literal;)*) => {
        $(pub(super) const $key: SampleDrug = SampleDrug { name: $name, code: $code, unit: $unit, generic: $generic };)*
        /// The whole list.
        pub const ALL: &[SampleDrug] = &[$($key),*];
    };
}

drugs! {
    // Heart, vessels, blood
    WARFARIN_1: "ワルファリンＫ錠１ｍｇ「ＮＩＧ」", "3332001F1130", "錠", "【般】ワルファリンカリウム錠１ｍｇ";
    APIXABAN_2_5: "エリキュース錠２．５ｍｇ", "3339004F1029", "錠", "";
    EDOXABAN_30: "リクシアナＯＤ錠３０ｍｇ", "3339002F5025", "錠", "";
    RIVAROXABAN_15: "イグザレルト錠１５ｍｇ", "3339003F2020", "錠", "";
    CLOPIDOGREL_75: "クロピドグレル錠７５ｍｇ「科研」", "3399008F2170", "錠", "【般】クロピドグレル錠７５ｍｇ";
    AMLODIPINE_2_5: "ノルバスクＯＤ錠２．５ｍｇ", "2171022F3048", "錠", "【般】アムロジピン口腔内崩壊錠２．５ｍｇ";
    AMLODIPINE_5: "ノルバスクＯＤ錠５ｍｇ", "2171022F4044", "錠", "【般】アムロジピン口腔内崩壊錠５ｍｇ";
    AZILSARTAN_20: "アジルバ錠２０ｍｇ", "2149048F1022", "錠", "";
    OLMESARTAN_20: "オルメサルタンＯＤ錠２０ｍｇ「ＤＳＥＰ」", "2149044F6034", "錠", "【般】オルメサルタン口腔内崩壊錠２０ｍｇ";
    CANDESARTAN_8: "カンデサルタン錠８ｍｇ「あすか」", "2149040F3037", "錠", "【般】カンデサルタン錠８ｍｇ";
    BISOPROLOL_2_5: "メインテート錠２．５ｍｇ", "2123016F1107", "錠", "";
    BISOPROLOL_0_625: "メインテート錠０．６２５ｍｇ", "2123016F3037", "錠", "";
    FUROSEMIDE_20: "ラシックス錠２０ｍｇ", "2139005F1052", "錠", "";
    SPIRONOLACTONE_25: "スピロノラクトン錠２５ｍｇ「ＣＨ」", "2133001F1620", "錠", "【般】スピロノラクトン錠２５ｍｇ";
    DIGOXIN_0_0625: "ジゴキシン錠０．０６２５「ＫＹＯ」", "2113003F3025", "錠", "【般】ジゴキシン錠０．０６２５ｍｇ";
    NITROGLYCERIN_SL: "ニトロペン舌下錠０．３ｍｇ", "2171018K1039", "錠", "";
    ROSUVASTATIN_2_5: "クレストール錠２．５ｍｇ", "2189017F1022", "錠", "";
    ATORVASTATIN_10: "アトルバスタチン錠１０ｍｇ「サワイ」", "2189015F2054", "錠", "【般】アトルバスタチン錠１０ｍｇ";
    IRON_50: "フェロミア錠５０ｍｇ", "3222013F1025", "錠", "";
    // Diabetes, metabolism, hormones
    METFORMIN_250: "メトホルミン塩酸塩錠２５０ｍｇ「ＳＮ」", "3962002F1110", "錠", "【般】メトホルミン錠２５０ｍｇ";
    SITAGLIPTIN_50: "ジャヌビア錠５０ｍｇ", "3969010F2030", "錠", "";
    DAPAGLIFLOZIN_5: "フォシーガ錠５ｍｇ", "3969019F1027", "錠", "";
    VOGLIBOSE_0_3: "ベイスンＯＤ錠０．３", "3969004F4020", "錠", "";
    INSULIN_ASPART_CARTRIDGE: "ノボラピッド注　ペンフィル", "2492415A2035", "筒", "";
    INSULIN_ASPART_PEN: "ノボラピッド注　フレックスペン", "2492415G1031", "キット", "";
    INSULIN_DEGLUDEC_PEN: "トレシーバ注　フレックスタッチ", "2492419G1021", "キット", "";
    INSULIN_MIX_PEN: "ノボラピッド３０ミックス注　フレックスペン", "2492415G2020", "キット", "";
    DULAGLUTIDE: "トルリシティ皮下注０．７５ｍｇアテオス", "2499416G1029", "キット", "";
    FEBUXOSTAT_10: "フェブリク錠１０ｍｇ", "3949003F1023", "錠", "【般】フェブキソスタット錠１０ｍｇ";
    LEVOTHYROXINE_50: "チラーヂンＳ錠５０μｇ", "2431004F1056", "錠", "";
    LEVOTHYROXINE_25: "チラーヂンＳ錠２５μｇ", "2431004F2052", "錠", "";
    ALENDRONATE_35: "アレンドロン酸錠３５ｍｇ「ＤＫ」", "3999018F2044", "錠", "【般】アレンドロン酸錠３５ｍｇ";
    ELDECALCITOL_0_75: "エディロールカプセル０．７５μｇ", "3112006M2029", "Ｃ", "";
    METHOTREXATE_2: "リウマトレックスカプセル２ｍｇ", "3999016M1021", "Ｃ", "";
    FOLIC_ACID_5: "葉酸錠５ｍｇ", "3135001F1017", "錠", "";
    PREDNISOLONE_5: "プレドニゾロン錠５ｍｇ", "2456001F1019", "錠", "";
    PREDNISOLONE_1: "プレドニゾロン錠１ｍｇ", "2456001F2015", "錠", "";
    // Stomach and bowels
    VONOPRAZAN_10: "タケキャブ錠１０ｍｇ", "2329030F1020", "錠", "";
    LANSOPRAZOLE_15: "ランソプラゾールＯＤ錠１５ｍｇ「ＤＫ」", "2329023F1047", "錠", "【般】ランソプラゾール口腔内崩壊錠１５ｍｇ";
    REBAMIPIDE_100: "ムコスタ錠１００ｍｇ", "2329021F1102", "錠", "【般】レバミピド錠１００ｍｇ";
    MAGNESIUM_300: "酸化マグネシウム錠３００ｍｇ「ヨシダ」", "2344009F5030", "錠", "";
    SENNOSIDE_12: "プルゼニド錠１２ｍｇ", "2354003F2316", "錠", "";
    DOMPERIDONE_10: "ナウゼリン錠１０", "2399005F2023", "錠", "";
    BUTYRIC_BACTERIA: "ミヤＢＭ細粒", "2316009C1026", "ｇ", "";
    MESALAZINE_500: "ペンタサ錠５００ｍｇ", "2399009F2030", "錠", "";
    // Pain, joints
    LOXOPROFEN_60: "ロキソニン錠６０ｍｇ", "1149019F1560", "錠", "【般】ロキソプロフェン錠６０ｍｇ";
    ACETAMINOPHEN_200: "カロナール錠２００", "1141007F1063", "錠", "【般】アセトアミノフェン錠２００ｍｇ";
    ACETAMINOPHEN_500: "カロナール錠５００", "1141007F3023", "錠", "【般】アセトアミノフェン錠５００ｍｇ";
    ACETAMINOPHEN_GRANULES: "カロナール細粒２０％", "1141007C1075", "ｇ", "";
    ACETAMINOPHEN_SUPPOSITORY: "カロナール坐剤１００", "1141700J2050", "個", "";
    CELECOXIB_100: "セレコキシブ錠１００ｍｇ「サワイ」", "1149037F1119", "錠", "【般】セレコキシブ錠１００ｍｇ";
    KETOPROFEN_TAPE: "モーラステープＬ４０ｍｇ", "2649729S3084", "枚", "";
    LOXOPROFEN_TAPE: "ロキソニンテープ１００ｍｇ", "2649735S3020", "枚", "【般】ロキソプロフェンＮａテープ１００ｍｇ";
    PREGABALIN_25: "リリカＯＤ錠２５ｍｇ", "1190017F1029", "錠", "【般】プレガバリン口腔内崩壊錠２５ｍｇ";
    TRAMADOL: "トラムセット配合錠", "1149117F1020", "錠", "";
    SUMATRIPTAN_50: "スマトリプタン錠５０ｍｇ「タカタ」", "2160003F1111", "錠", "【般】スマトリプタン錠５０ｍｇ";
    // Nerves, sleep, mind
    DONEPEZIL_5: "アリセプト錠５ｍｇ", "1190012F2022", "錠", "【般】ドネペジル錠５ｍｇ";
    LEMBOREXANT_5: "デエビゴ錠５ｍｇ", "1190027F2029", "錠", "";
    ZOLPIDEM_5: "マイスリー錠５ｍｇ", "1129009F1025", "錠", "【般】ゾルピデム錠５ｍｇ";
    SERTRALINE_25: "ジェイゾロフト錠２５ｍｇ", "1179046F1028", "錠", "【般】セルトラリン錠２５ｍｇ";
    LEVETIRACETAM_500: "イーケプラ錠５００ｍｇ", "1139010F2020", "錠", "";
    VALPROATE_R_200: "デパケンＲ錠２００ｍｇ", "1139004G2063", "錠", "";
    MECOBALAMIN_500: "メチコバール錠５００μｇ", "3136004F2138", "錠", "【般】メコバラミン錠０．５ｍｇ";
    // Airways, allergy
    VILANTEROL_FLUTICASONE: "レルベア１００エリプタ３０吸入用", "2290803G3020", "キット", "";
    SALMETEROL_FLUTICASONE: "アドエア５０エアゾール１２０吸入用", "2290800G7030", "瓶", "";
    TIOTROPIUM: "スピリーバ２．５μｇレスピマット６０吸入", "2259709G2023", "キット", "";
    SALBUTAMOL: "サルタノールインヘラー１００μｇ", "2254700G4037", "瓶", "";
    PROCATEROL: "メプチンエアー１０μｇ吸入１００回", "2259704G9033", "キット", "";
    MONTELUKAST_10: "キプレス錠１０ｍｇ", "4490026F2040", "錠", "【般】モンテルカスト錠１０ｍｇ";
    MONTELUKAST_CHEWABLE_5: "キプレスチュアブル錠５ｍｇ", "4490026F1044", "錠", "【般】モンテルカストチュアブル錠５ｍｇ";
    TULOBUTEROL_TAPE: "ツロブテロールテープ０．５ｍｇ「久光」", "2259707S1217", "枚", "【般】ツロブテロールテープ０．５ｍｇ";
    FEXOFENADINE_60: "アレグラ錠６０ｍｇ", "4490023F1024", "錠", "【般】フェキソフェナジン錠６０ｍｇ";
    BILASTINE_20: "ビラノア錠２０ｍｇ", "4490033F1028", "錠", "";
    MOMETASONE_NASAL: "ナゾネックス点鼻液５０μｇ５６噴霧用", "1329710Q1027", "瓶", "";
    CARBOCISTEINE_500: "ムコダイン錠５００ｍｇ", "2233002F2022", "錠", "【般】カルボシステイン錠５００ｍｇ";
    CARBOCISTEINE_DS: "ムコダインＤＳ５０％", "2233002R2029", "ｇ", "";
    TIPEPIDINE_DS: "アスベリンドライシロップ２％", "2249003R1043", "ｇ", "";
    TRANEXAMIC_250: "トランサミン錠２５０ｍｇ", "3327002F1142", "錠", "【般】トラネキサム酸錠２５０ｍｇ";
    ADRENALINE_PEN: "エピペン注射液０．３ｍｇ", "2451402G3026", "筒", "";
    // Infection
    CEFCAPENE_100: "セフカペンピボキシル塩酸塩錠１００ｍｇ「ＳＷ」", "6132016F2119", "錠", "";
    LEVOFLOXACIN_500: "クラビット錠５００ｍｇ", "6241013F3027", "錠", "【般】レボフロキサシン錠５００ｍｇ";
    OSELTAMIVIR_75: "タミフルカプセル７５", "6250021M1027", "Ｃ", "";
    // Eyes, skin, urinary tract
    LATANOPROST: "キサラタン点眼液０．００５％", "1319739Q1037", "ｍＬ", "";
    DORZOLAMIDE_TIMOLOL: "コソプト配合点眼液", "1319819Q1020", "ｍＬ", "";
    HYALURONATE: "ヒアレイン点眼液０．１％", "1319720Q3078", "瓶", "";
    OLOPATADINE_EYE: "パタノール点眼液０．１％", "1319752Q1024", "ｍＬ", "";
    HEPARINOID: "ヒルドイドソフト軟膏０．３％", "3339950M1137", "ｇ", "";
    BETAMETHASONE: "リンデロン－Ｖ軟膏０．１２％", "2646701M2156", "ｇ", "";
    GARGLE: "イソジンガーグル液７％", "2260701F1271", "ｍＬ", "";
    SILODOSIN_4: "シロドシン錠４ｍｇ「ＤＳＥＰ」", "2590010F2038", "錠", "【般】シロドシン錠４ｍｇ";
    MIRABEGRON_50: "ベタニス錠５０ｍｇ", "2590014F2028", "錠", "";
    // Kampo
    KAKKONTO: "ツムラ葛根湯エキス顆粒（医療用）", "5200013D1123", "ｇ", "";
    SHAKUYAKUKANZOTO: "ツムラ芍薬甘草湯エキス顆粒（医療用）", "5200067D1049", "ｇ", "";
    YOKUKANSAN: "ツムラ抑肝散エキス顆粒（医療用）", "5200139D1037", "ｇ", "";
    DAIKENCHUTO: "ツムラ大建中湯エキス顆粒（医療用）", "5200092D1020", "ｇ", "";
}

#[cfg(test)]
mod tests {
    use super::ALL;
    use std::collections::{BTreeMap, BTreeSet};

    /// The check digit over the first eleven characters (docs of the price list; it holds for all of its codes).
    fn check_digit(code: &str) -> Option<u32> {
        let value = |c: char| match c {
            '0'..='9' => c.to_digit(10),
            'A'..='I' => Some(u32::from(c) - u32::from('A') + 1),
            'J'..='R' => Some(u32::from(c) - u32::from('J') + 1),
            'S'..='Z' => Some(u32::from(c) - u32::from('S') + 2),
            _ => None,
        };
        let weights = [5, 6, 7, 8, 9, 4, 5, 6, 7, 8, 9];
        let sum = code.chars().zip(weights).map(|(c, w)| Some(value(c)? * w)).sum::<Option<u32>>()?;
        Some(sum % 11 % 10)
    }

    #[test]
    fn codes_are_well_formed() {
        assert_eq!(check_digit("2456001F1353"), Some(3));
        for drug in ALL {
            assert_eq!(drug.code.len(), 12, "{}", drug.name);
            assert_eq!(drug.code.chars().last().unwrap().to_digit(10), check_digit(drug.code), "{} {}", drug.name, drug.code);
        }
    }

    #[test]
    fn no_drug_stands_twice() {
        let codes: BTreeSet<&str> = ALL.iter().map(|d| d.code).collect();
        assert_eq!(codes.len(), ALL.len());
    }

    #[test]
    fn names_and_codes_are_those_of_the_price_list() {
        let data =
            std::env::var("KUSURIBAKO_TEST_DATA").unwrap_or(concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/data").to_owned());
        let Ok(list) = std::fs::read_to_string(format!("{data}/drugs/mhlw_price_20250716.csv")) else {
            println!("names_and_codes_are_those_of_the_price_list skipped: no ../shared/data");
            return;
        };
        let column = |line: &'_ str, n: usize| line.split(',').nth(n).unwrap_or("").to_owned();
        let names: BTreeMap<String, (String, String)> =
            list.lines().map(|l| (column(l, 1), (column(l, 7), column(l, 3)))).collect();
        for drug in ALL {
            let (name, strength) = names.get(drug.code).unwrap_or_else(|| panic!("{} is not in the list", drug.code));
            // Drugs of the pharmacopoeia are listed without strength; a pharmacy prints it behind the name.
            let printed =
                drug.name == name || drug.name.strip_prefix(name.as_str()).is_some_and(|rest| strength.starts_with(rest));
            assert!(printed, "{}: {} is listed as {name}, {strength}", drug.code, drug.name);
        }
    }
}
