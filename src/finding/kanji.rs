//! Old and other forms of characters in names, as the new ones: 髙 as 高, 齋 as 斎.
//!
//! The pairs are those of the table of 常用漢字 (文化庁, 2010, forms in brackets) and 人名用漢字 (法務省, 別表第二) that stand in names, with the forms of
//! 辺, 斉, 高, 崎, 島, 浜 and others that family registers have.

/// Other forms, each before its common one. 齋 and 斎 are written for 斉 so often that all three count as one.
const FORMS: &str = "\
    髙高﨑崎碕崎嵜崎嶋島嶌島濱浜濵浜邊辺邉辺齋斎齊斉斎斉澤沢櫻桜廣広國国圀国龍竜德徳眞真惠恵冨富瀨瀬槇槙桒桑栁柳黑黒與与豐豊榮栄壽寿藏蔵萬万會会學学佛仏傳伝圓円寶宝\
    將将專専屆届峯峰嶽岳巖巌彌弥彥彦悅悦戶戸拂払敎教斷断旣既晉晋晝昼曉暁曾曽條条來来樂楽樓楼橫横檜桧檢検權権歐欧步歩歸帰殘残每毎氣気凉涼淨浄渊淵淺浅滿満澁渋濟済瀧滝\
    灣湾燒焼爲為犧犠獨独獻献瑤瑶甁瓶產産畫画當当疊畳盜盗盡尽硏研禮礼祿禄穗穂穐秋稻稲穰穣竈竃粹粋絲糸經経綠緑緖緒縣県總総繩縄纖繊缺欠罐缶聰聡聲声肅粛脩修臺台舊旧舘館\
    莊荘蔣蒋薰薫藝芸藥薬蘆芦處処號号螢蛍蠶蚕衞衛裝装覺覚覽覧觀観譯訳讓譲賴頼贊賛輕軽轉転辨弁郞郎鄕郷醉酔釋釈銳鋭錄録鍊錬鎭鎮鐵鉄鑛鉱關関陷陥隨随險険雙双雜雑靑青靜静\
    靱靭顏顔顯顕飮飲餘余驛駅驗験髮髪鬪闘鷗鴎鷄鶏鹽塩麥麦黃黄默黙齒歯龜亀桺柳濶闊凛凜凞熙煕熙埜野籐藤籔薮藪薮舩船杦杉枩松梹浜畊耕喆哲㐂喜𠮷吉桝枡";

/// The common form of a character.
pub fn common(c: char) -> char {
    let mut forms = FORMS.chars();
    while let (Some(other), Some(common)) = (forms.next(), forms.next()) {
        if other == c && other != common {
            // 齋 is 斎 is 斉.
            return if common == '斎' { '斉' } else { common };
        }
    }
    c
}
