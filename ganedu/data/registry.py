"""What the files of the downloadable sets are: where they lie, what they must contain, who serves them.

The hashes are of the *contents*, so that a file counts as the right one whether it lies there as it is, with .gz, or
with .xz. They were computed from files whose MD5 sums are the ones that the authors publish.
Taught in {ref}`data-sets`.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class File:
    """One file of a set: its name, the length and SHA-256 of its unpacked content.

    Taught in {ref}`data-sets`.
    """

    name: str
    length: int
    sha256: str


@dataclass(frozen=True)
class Download:
    """What is fetched: path below the data folder, hash as pooch writes it, mirrors to try in this order.

    Taught in {ref}`data-sets`.
    """

    path: str
    known_hash: str
    mirrors: tuple[str, ...]


@dataclass(frozen=True)
class FileSet:
    """A set made of files.

    folders: where its files may lie below the data folder; splits: the files of each split, in reading order;
    downloads: what brings them; megabytes: the size of the download; about, license: in words.
    Taught in {ref}`data-sets`.
    """

    name: str
    folders: tuple[str, ...]
    classes: tuple[str, ...]
    splits: dict[str, tuple[File, ...]]
    downloads: tuple[Download, ...]
    megabytes: int
    about: str
    license: str


@dataclass(frozen=True)
class UnpairedSet:
    """Two domains in one archive, with folders trainA, trainB, testA and testB.

    path: where the archive lies below the data folder; length, sha256: of the archive; mirrors: who serves it, in this
    order, none if it cannot be downloaded; about, license: in words.
    Taught in {ref}`data-sets`.
    """

    name: str
    length: int
    sha256: str
    mirrors: tuple[str, ...]
    about: str
    license: str

    @property
    def path(self) -> str:
        return f"{self.name}.zip"

    @property
    def downloads(self) -> tuple[Download, ...]:
        """What `ganedu.data.download.fetch` needs."""
        return (Download(self.path, f"sha256:{self.sha256}", self.mirrors),)

    @property
    def megabytes(self) -> int:
        """The size of the download."""
        return round(self.length / 1e6)


def _idx_set(name, folder, classes, mirrors, contents, archives, megabytes, about, license):
    names = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")
    lengths = (47_040_016, 60_008, 7_840_016, 10_008)
    files = tuple(map(File, names, lengths, contents))
    downloads = tuple(
        Download(f"{folder}/raw/{file}.gz", f"sha256:{known}", tuple(f"{mirror}{file}.gz" for mirror in mirrors))
        for file, known in zip(names, archives, strict=True)
    )
    splits = {"train": files[:2], "test": files[2:]}
    return FileSet(name, (f"{folder}/raw", folder), classes, splits, downloads, megabytes, about, license)


MNIST = _idx_set(
    "mnist",
    "MNIST",
    tuple("0123456789"),
    ("https://ossci-datasets.s3.amazonaws.com/mnist/", "https://storage.googleapis.com/cvdf-datasets/mnist/"),
    (
        "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
        "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
        "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
        "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
    ),
    (
        "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
        "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
        "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
        "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
    ),
    12,
    "60,000 + 10,000 handwritten digits, gray, 28 x 28",
    "authors' copyright, usually given as CC BY-SA 3.0",
)

FASHION_MNIST = _idx_set(
    "fashion-mnist",
    "FashionMNIST",
    ("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"),
    (
        "https://github.com/zalandoresearch/fashion-mnist/raw/master/data/fashion/",
        "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
    ),
    (
        "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
        "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
        "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
        "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
    ),
    (
        "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
        "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
        "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
        "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
    ),
    31,
    "60,000 + 10,000 articles of clothing, gray, 28 x 28",
    "MIT (Zalando SE)",
)

CIFAR10 = FileSet(
    "cifar10",
    ("cifar-10-batches-py",),
    ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"),
    {
        "train": (
            File("data_batch_1", 31_035_704, "54636561a3ce25bd3e19253c6b0d8538147b0ae398331ac4a2d86c6d987368cd"),
            File("data_batch_2", 31_035_320, "766b2cef9fbc745cf056b3152224f7cf77163b330ea9a15f9392beb8b89bc5a8"),
            File("data_batch_3", 31_035_999, "0f00d98ebfb30b3ec0ad19f9756dc2630b89003e10525f5e148445e82aa6a1f9"),
            File("data_batch_4", 31_035_696, "3f7bb240661948b8f4d53e36ec720d8306f5668bd0071dcb4e6c947f78e9682b"),
            File("data_batch_5", 31_035_623, "d91802434d8376bbaeeadf58a737e3a1b12ac839077e931237e0dcd43adcb154"),
        ),
        "test": (File("test_batch", 31_035_526, "f53d8d457504f7cff4ea9e021afcf0e0ad8e24a91f3fc42091b8adef61157831"),),
    },
    (
        Download(
            "cifar-10-python.tar.gz",
            "md5:c58f30108f718f92721af3b95e74349a",  # as published; every file inside has its SHA-256 above
            ("https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz",),
        ),
    ),
    171,
    "50,000 + 10,000 photographs, color, 32 x 32",
    "none stated; cite Krizhevsky 2009",
)

FILE_SETS = {each.name: each for each in (MNIST, FASHION_MNIST, CIFAR10)}

CYCLEGAN_MIRRORS = (
    "https://people.eecs.berkeley.edu/~taesung_park/CycleGAN/datasets/",
    "http://efrosgans.eecs.berkeley.edu/cyclegan/datasets/",
)


def _cyclegan_set(name, length, sha256, about):
    mirrors = tuple(f"{mirror}{name}.zip" for mirror in CYCLEGAN_MIRRORS)
    return UnpairedSet(name, length, sha256, mirrors, about, "none stated; cite Zhu et al. 2017")


# Lengths and hashes of the sets of the CycleGAN paper are those that TensorFlow Datasets publishes (url_checksums of
# cycle_gan, Apache License 2.0); the archives were not at hand to compute them again.
UNPAIRED_SETS = {
    each.name: each
    for each in (
        UnpairedSet(
            "apple2tomato",
            18_052_564,
            "5baf526a1060596bd332661fd88058e6050cc0cb845cec09647617eb0e35285f",
            (),
            "1,200 + 1,200 apples and tomatoes, 300 + 300 to test, photographs, 100 x 100",
            "CC BY-SA 4.0, a selection of Fruits-360 by M. Oltean",
        ),
        _cyclegan_set(
            "horse2zebra",
            116_867_962,
            "a74d9d392eecca9966b51287a76ca126af473d9de4f3e8fc0e9cda08fa1730a1",
            "1,067 + 1,334 horses and zebras, 120 + 140 to test, photographs, 256 x 256",
        ),
        _cyclegan_set(
            "apple2orange",
            78_456_409,
            "845a191e9af8926408ea597001cd03a452e3300a1f44a79fe329b3d59f6e3eb8",
            "995 + 1,019 apples and oranges, 266 + 248 to test, photographs, 256 x 256",
        ),
        _cyclegan_set(
            "summer2winter_yosemite",
            132_640_856,
            "167fe1726807a9d22bd106b4a6c0bd7953b688af924ac1bf967439c4961e49f9",
            "1,231 + 962 summers and winters in Yosemite, 309 + 238 to test, photographs, 256 x 256",
        ),
        _cyclegan_set(
            "monet2photo",
            305_231_073,
            "88f91b00fc228f97c9411fbf1880ec1d119c98f1722e4cfcfaa2fb35fac05b04",
            "1,072 + 6,287 paintings by Monet and photographs, 121 + 751 to test, 256 x 256",
        ),
        _cyclegan_set(
            "cezanne2photo",
            279_885_071,
            "3a6c10ca21f9485862f1cbd707744b9dc258954a04631271d23a3605eeb63cff",
            "525 + 6,287 paintings by Cezanne and photographs, 58 + 751 to test, 256 x 256",
        ),
        _cyclegan_set(
            "ukiyoe2photo",
            292_946_532,
            "02a2a2fb5ecf425ca1bf86aca7304377da64a2a1d3b86df54eb65e4068bf3b08",
            "562 + 6,287 Japanese woodblock prints and photographs, 263 + 751 to test, 256 x 256",
        ),
        _cyclegan_set(
            "vangogh2photo",
            306_590_349,
            "362c3473e70be0944bda08d49d660eafdc2854df55d697835b8186d1d79caaff",
            "400 + 6,287 paintings by van Gogh and photographs, 400 + 751 to test, 256 x 256",
        ),
    )
}
