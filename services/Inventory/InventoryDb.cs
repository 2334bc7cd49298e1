using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata;
using Npgsql;
using OpsPlatform.Inventory.Changes;
using OpsPlatform.Inventory.Imports;
using OpsPlatform.Inventory.Ingredients;
using OpsPlatform.Inventory.Recipes;
using OpsPlatform.Inventory.Stock;
using OpsPlatform.ServiceDefaults.Database;

namespace OpsPlatform.Inventory;

internal sealed class InventoryDb(DbContextOptions<InventoryDb> options) : ServiceDb(options)
{
    public DbSet<Ingredient> Ingredients => Set<Ingredient>();

    public DbSet<Recipe> Recipes => Set<Recipe>();

    public DbSet<RecipeVersion> RecipeVersions => Set<RecipeVersion>();

    public DbSet<StockLogEntry> StockLog => Set<StockLogEntry>();

    public DbSet<StockImport> StockImports => Set<StockImport>();

    public DbSet<IngredientChange> IngredientChanges => Set<IngredientChange>();

    public DbSet<StockImportLine> StockImportLines => Set<StockImportLine>();

    /// <summary>The open connection of the transaction at hand, for statements written by hand.</summary>
    public NpgsqlConnection Connection => (NpgsqlConnection)Database.GetDbConnection();

    /// <summary>Set when the transaction at hand may change what can be made; after its commit that is looked into.</summary>
    public bool MayFlipAvailability { get; set; }

    protected override void OnModelCreating(ModelBuilder modelBuilder)
    {
        base.OnModelCreating(modelBuilder);
        modelBuilder.Entity<Ingredient>(ingredient =>
        {
            ingredient.HasKey(x => new { x.OrgId, x.Id });
            ingredient.Property(x => x.Id).ValueGeneratedNever();
            ingredient.Property(x => x.RowVersion).IsRowVersionColumn();
            ingredient.Property(x => x.CreatedAt).ValueGeneratedOnAdd();
            KeptByDatabase(ingredient.Property(x => x.UpdatedAt).ValueGeneratedOnAddOrUpdate().Metadata);
        });
        modelBuilder.Entity<Recipe>(recipe =>
        {
            recipe.HasKey(x => new { x.OrgId, x.Id });
            recipe.Property(x => x.Id).ValueGeneratedNever();
            recipe.Property(x => x.Lines).HasColumnType("jsonb").HasConversion(RecipeLines.Converter, RecipeLines.Comparer);
            recipe.Property(x => x.RowVersion).IsRowVersionColumn();
            recipe.Property(x => x.CreatedAt).ValueGeneratedOnAdd();
            KeptByDatabase(recipe.Property(x => x.UpdatedAt).ValueGeneratedOnAddOrUpdate().Metadata);
        });
        modelBuilder.Entity<RecipeVersion>(version =>
        {
            version.HasKey(x => new { x.OrgId, x.RecipeId, x.RowVersion });
            version.Property(x => x.Lines).HasColumnType("jsonb").HasConversion(RecipeLines.Converter, RecipeLines.Comparer);
        });
        modelBuilder.Entity<StockImport>(import =>
        {
            import.HasKey(x => new { x.OrgId, x.Id });
            import.Property(x => x.Id).ValueGeneratedNever();
        });
        modelBuilder.Entity<StockImportLine>(line =>
        {
            line.HasKey(x => new { x.OrgId, x.ImportId, x.LineNo });
            line.HasOne<StockImport>().WithMany().HasForeignKey(x => new { x.OrgId, x.ImportId });
        });
        modelBuilder.Entity<IngredientChange>(change =>
        {
            change.HasKey(x => new { x.OrgId, x.OperationId, x.LineNo });
            change.Ignore(x => x.Values);
        });
        modelBuilder.Entity<StockLogEntry>(entry =>
        {
            entry.HasKey(x => new { x.OrgId, x.Id });
            entry.Property(x => x.Id).ValueGeneratedNever();
            entry.Property(x => x.Seq).ValueGeneratedOnAdd();
            entry.Property(x => x.Metadata).HasColumnType("jsonb");
        });
    }

    private static void KeptByDatabase(IMutableProperty property)
    {
        property.SetBeforeSaveBehavior(PropertySaveBehavior.Ignore);
        property.SetAfterSaveBehavior(PropertySaveBehavior.Ignore);
    }
}
