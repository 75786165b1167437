"""Words that are in every sentence of a language, for those that Snowball has stemmers for, by its names of them.

Articles, pronouns, prepositions, conjunctions, auxiliaries and question words, case folded. English has its own list,
of stems, in lexical.py.
"""

FUNCTION_WORDS: dict[str, frozenset[str]] = {
    language: frozenset(words.split())
    for language, words in {
        "arabic": """
            في من على إلى الى عن مع هذا هذه ذلك تلك التي الذي الذين ما ماذا متى أين كيف لماذا هل كم أي و أو ثم لا لم
            لن ليس قد كان كانت يكون تكون هو هي هم أن إن انه أنه كل بعض بين عند منذ حتى إذا لكن بعد قبل أنا نحن أنت
        """,
        "armenian": """
            և եւ է են էր էին ու կամ որ որը որոնք ինչ ով երբ որտեղ ինչպես ինչու քանի այս այդ այն նա նրա նրանք իր մեջ
            համար հետ մասին թե բայց ոչ ես մենք դուք դու եմ ենք
        """,
        "basque": """
            eta edo da dira zen ziren du dute zuen zuten ez bai baina ere hau hori hura bat zer nor nork non noiz
            nola zergatik zein zenbat izan dago daude egin egiten
        """,
        "catalan": """
            el la els les l un una uns unes i o de del dels d a al als en amb per que qui què quin quina quins
            quines quan com on quant és són era eren ser ha han no se s es li ho hi seu seva seus aquest aquesta
            això més però si ja molt entre sobre
        """,
        "czech": """
            a i o u v ve s se si k ke z ze na do od po za před při pro je jsou byl byla bylo byli být není ten ta to
            ti ty který která které kteří co kdo kde kdy jak proč kolik jaký jaká jaké jeho její jejich ale nebo že
            aby když jako tak už jen ani jsem jsme jste by mezi
        """,
        "danish": """
            og i jeg det at en den til er som på de med han af for ikke der var mig sig men et har om vi min havde
            ham hun nu over da fra du ud sin dem os op man hans hvor eller hvad skal selv her alle vil blev kunne
            ind når være dog noget ville deres efter ned skulle denne dette også under have dig anden hende mine alt
            meget sit sine vor mod disse hvis din nogle hos blive mange ad bliver hendes været jer sådan hvem
            hvilken hvilket hvilke hvornår hvordan hvorfor kan
        """,
        "dutch": """
            de en van ik te dat die in een hij het niet zijn is was op aan met als voor had er maar om hem dan zou
            of wat mijn men dit zo door over ze zich bij ook tot je mij uit der daar haar naar heb hoe heeft hebben
            deze u want nog zal me zij nu ge geen omdat iets worden toch al waren veel meer doen toen moet ben
            zonder kan hun dus alles onder ja werd wezen zelf tegen na wie waar wanneer waarom welke welk hoeveel
            wordt kunnen
        """,
        "esperanto": """
            la de kaj en estas estis al ne ke kiu kiuj kio kie kiam kiel kial kiom por kun el per sed aŭ ĝi li ŝi
            ili mi ni vi tiu ĉi tio sur pri da ĝia lia
        """,
        "estonian": """
            ja on ei ta et oli see kui ka oma mis kes kus millal kuidas miks mitu milline millised või aga ning olid
            olnud selle seda need nad ma me te sa tema nende mida kelle pärast juures
        """,
        "finnish": """
            ja on ei oli ovat olivat se ne hän he me te minä sinä että mutta tai kun kuin jos niin myös joka jotka
            jonka mikä mitä mitkä kuka ketkä kenen missä mistä mihin milloin koska miten miksi kuinka monta
            millainen tämä tuo nämä sen sitä niiden hänen heidän olla ollut oliko onko kanssa mukaan sekä vain jo
            eivät minkä
        """,
        "french": """
            le la les l un une des du de d au aux à en dans par pour sur avec sans sous et ou où mais donc or ni car
            que qu qui quoi dont quel quelle quels quelles quand comment pourquoi combien est sont était étaient été
            être a ont avait avaient avoir fut il elle ils elles on nous vous je j tu me m te t se s lui leur leurs
            son sa ses mon ma mes ton ta tes notre nos votre vos ce c cet cette ces ne n pas plus y si entre comme
            aussi cela ça même
        """,
        "german": """
            der die das den dem des ein eine einen einem einer eines und oder aber in im an am auf aus bei beim mit
            nach von vom vor zu zum zur für über unter durch gegen ohne um bis seit zwischen als wie wenn dass daß
            ob weil da so auch nur noch nicht kein keine keinen keiner ist sind war waren wird werden wurde wurden
            worden sein bin hat haben hatte hatten kann können konnte muss müssen soll sollen darf dürfen ich du er
            sie es wir ihr man mich dich sich mir dir ihm ihn ihnen uns euch mein dein seine seinen seiner seinem
            ihre ihren ihrer ihrem unser was wer wen wem wessen wo woher wohin wann warum wieso weshalb welche
            welcher welches welchen welchem viele dieser diese dieses diesen diesem jener jene gibt
        """,
        "greek": """
            ο η το οι τα του της των τον την στο στη στην στον στα στις στους και ή να θα με σε από για που πως πώς
            πού ποιος ποια ποιο ποιοι ποιες τι πότε γιατί πόσο πόσα πόσοι είναι ήταν έχει έχουν είχε δεν μη μην αυτό
            αυτή αυτός ένα ένας μια μία ως κατά μετά πριν αλλά αν ότι τους τις μου σου μας σας
        """,
        "hindi": """
            का के की को में से पर और या है हैं था थे थी हो होता होती होते हुआ हुई हुए कि जो यह वह ये वे इस उस इन उन
            ने भी ही तो नहीं एक क्या कौन कब कहाँ कहां कैसे क्यों कितने कितना कितनी किस किसने किसे कर करता करती करते
            करना किया लिए साथ अपने अपना अपनी तक गया गई गए
        """,
        "hungarian": """
            a az egy és vagy de hogy nem is van vannak volt voltak lesz meg ez azt ezt ki kik mi mit mely melyik
            melyek milyen hol hova honnan mikor hogyan miért mennyi hány mint csak már még el be fel le itt ott ő ők
            én te ti aki ami amely akkor ha után alatt között által szerint
        """,
        "indonesian": """
            yang dan di ke dari dengan untuk pada adalah ini itu atau oleh dalam tidak akan juga telah sudah ada apa
            siapa kapan mana dimana bagaimana mengapa kenapa berapa apakah ia dia mereka kami kita saya anda nya
            sebagai karena bahwa seperti para bisa dapat
        """,
        "irish": """
            an na agus i is ar le de do go a sé sí siad bhí tá atá ach nó mar cad cé cá conas cathain nuair seo sin
            ag den don sa san
        """,
        "italian": """
            il lo la i gli le l un uno una di del dello della dei degli delle dell d a al allo alla ai agli alle all
            da dal dallo dalla dai dagli dalle dall in nel nello nella nei negli nelle nell con su sul sullo sulla
            sui sugli sulle sull per tra fra e ed o ma se che chi cui cosa cos quale quali quando come dove dov
            quanto quanta quanti quante perché è sono era erano stato stata fu essere ha hanno aveva avere non si ci
            ne mi ti vi lui lei loro suo sua suoi sue questo questa questi queste quello quella più anche
        """,
        "lithuanian": """
            ir yra buvo į iš su ar o kad kaip kas ką kur kada kodėl kiek koks kokia kokie kuris kuri kurie bet ne
            nuo iki po prie apie per už jis ji jie jos tai šis ši tas ta savo jo dėl pagal
        """,
        "nepali": """
            को का की मा ले लाई बाट र वा छ छन् थियो थिए हो हुन् यो त्यो ती यी के कुन कसले कहाँ कहिले कसरी किन कति पनि
            नै भने भएको गर्ने गरेको
        """,
        "norwegian": """
            og i jeg det at en et den til er som på de med han av ikke der så var meg seg men har om vi min mitt ha
            hadde hun nå over da ved fra du ut sin dem oss opp man kan hans hvor eller hva skal selv her alle vil
            bli ble blitt kunne inn når være kom noen noe ville dere deres kun ja etter ned skulle denne for deg si
            sine sitt mot å disse hvis din også hvem hvilken hvilke hvilket hvordan hvorfor mange blir mellom dette
        """,
        "persian": """
            و در به از که این آن را با است بود بودند شد شده می برای تا یا هم نیز اما هر چه چی کی کجا چگونه چرا چند
            کدام آیا ها های او آنها ما شما من خود هست نیست دارد باشد بر یک
        """,
        "polish": """
            i w we z ze na do od po za o u przy przed przez dla pod nad między jest są był była było byli być nie
            tak się to ten ta te ci który która które którzy co czego kto kogo gdzie kiedy jak dlaczego ile jaki
            jaka jakie czy ale lub albo oraz że żeby jego jej ich go mu a już tylko także jako
        """,
        "portuguese": """
            o a os as um uma uns umas de do da dos das em no na nos nas por pelo pela pelos pelas para com sem sob
            sobre entre e ou mas que quem qual quais quando como onde quanto quanta quantos quantas porque porquê é
            são era eram foi foram ser está estão estar há tem têm tinha ter não se ao aos à às ele ela eles elas eu
            nós você vocês lhe seu sua seus suas este esta esse essa isso isto aquele aquela mais também já
        """,
        "romanian": """
            și şi sau dar în din de la cu pe pentru prin despre între un o unei unui al a ai ale cel cea cei cele
            este e sunt era erau fi fost are au avea nu se că să care cine ce când cum unde cât câte câți câtă el ea
            ei ele eu noi voi lui lor său sa săi sale acest această acesta aceasta mai ca după până
        """,
        "russian": """
            и в во не что он на я с со как а то все она так его но да ты к у же вы за бы по только ее её мне было
            вот от меня о из ему когда даже ну ли если уже или ни быть был была были него до вас они тут где есть
            для мы их чем сам без под будет кто этот эта это эти этого этой этом того тот та те том какой какая
            какое какие каким какую каких который которая которые которое зачем почему сколько куда откуда при об
            про чего кого кому чему между над является являются можно
        """,
        "serbian": """
            i u je su se na da za od sa s a o do iz po ne koji koja koje kojim kojih što šta ko tko gde gdje kada
            kad kako zašto koliko ili ali bio bila bilo bili biti ovaj ova ovo taj ta to njegov njen njihov pri kao
            и у је су се на да за од са с а о до из по не који која које којих што шта ко где када како зашто колико
            или али био била било били бити овај ова ово тај та то његов као
        """,
        "spanish": """
            el la los las un una unos unas lo de del a al en con por para sin sobre entre hasta desde y e o u pero
            si sí que qué quien quién quienes quiénes cual cuál cuales cuáles cuando cuándo como cómo donde dónde
            cuanto cuánto cuánta cuántos cuántas porque es son era eran fue fueron ser está están estar ha han había
            haber hay tiene tienen no se le les me te nos su sus mi mis tu tus él ella ellos ellas yo este esta esto
            estos estas ese esa eso esos esas aquel más muy también ya
        """,
        "swedish": """
            och i att det som en ett på är av för med den till de inte om han men var sig jag från vi så kan när år
            har hade hon under också efter eller nu sin där vid mot ska skulle kom få fick vara blev bli blir alla
            ut upp ha mycket över dem denna detta dessa än då hans hennes deras sina sitt man vad vem vilka vilken
            vilket varför hur många mellan oss du er mig dig ni
        """,
        "tamil": """
            ஒரு என்று மற்றும் இந்த இது அந்த அது என்ன யார் எப்போது எங்கே எப்படி ஏன் எத்தனை எந்த உள்ள ஆகும் அவர்
            அவர்கள் நான் நாம் என இல்லை
        """,
        "turkish": """
            ve ile bir bu şu o da de ki mi mı mu mü için gibi daha çok en ne nedir kim kimdir kimin hangi nerede
            nereye nereden nasıl neden niçin kaç ama veya ya olarak olan oldu olduğu var yok değil ise idi her kadar
            sonra önce onun onlar ben sen biz siz dır dir tır tir nın nin
        """,
    }.items()
}
